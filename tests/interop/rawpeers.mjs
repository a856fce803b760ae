// SPDX-License-Identifier: MIT
// Peers of one raw connection: tulle's (rawpeer.c) and other libraries', driven by the same lines; how they get to
// know each other; a relay between them that loses.
import { createSocket } from 'node:dgram'
import path from 'node:path'
import { build, check, here, logOf, start, stop } from './lib.mjs'

const script = (name) => path.join(here, 'peers', name)
const commands = {
	tulle: () => [path.join(build, 'rawpeer'), []],
	'tulle-tcp': () => [path.join(build, 'rawpeer'), ['tcp']],
	'tulle-hidden': () => [path.join(build, 'rawpeer'), ['hide']],
	aiortc: () => ['/usr/bin/python3', [script('with_aiortc.py')]],
	chromium: () => ['node', [script('browser.mjs'), 'chromium']],
	'chromium-trials': () => ['node', [script('browser.mjs'), 'chromium-trials']],
	firefox: () => ['node', [script('browser.mjs'), 'firefox']],
}
export const libraries = ['chromium', 'firefox', 'wrtc', 'node-datachannel', 'werift', 'aiortc']

export class Peer {
	// servers: RTCIceServers; within: what its process is started by.
	constructor(name, { servers = [], within = [] } = {}) {
		const [command, args] = commands[name]?.() ?? ['node', [script(`${name}.mjs`)]]
		const given = command.endsWith('rawpeer')
			? servers.flatMap((s) => (s.username ? ['turn', s.urls, s.username, s.credential] : ['stun', s.urls]))
			: servers.length ? [JSON.stringify(servers)] : []
		const line = [...within, command, ...args, ...given]
		this.child = start(line[0], line.slice(1))
		this.said = 0
		let replies = 0
		this.log = logOf(this.child, name.split('-')[0] === 'tulle' ? 'tulle' : name, (e) => (e.event === 'reply' ? { ...e, number: ++replies } : e))
		this.browser = name.startsWith('chromium') || name === 'firefox'
	}
	async act(command) {
		const number = ++this.said
		this.child.stdin.write(JSON.stringify(command) + '\n')
		return this.log.find(`reply to ${command.do}`, (e) => e.event === 'reply' && e.number === number)
	}
	async must(command) {
		const reply = await this.act(command)
		check(reply.ok, `${this.log.name}: ${command.do}: ${reply.error}: ${reply.text}`)
	}
	stop() {
		return stop(this.child, this.browser ? 'SIGTERM' : 'SIGKILL') // a browser would outlive it
	}
}

// Carries candidates over as they come, once the other side has a description to put them to.
export function trickle(from, to) {
	let at = 0
	return (async () => {
		for (;;) {
			const next = await from.log.event('candidate', () => true, at).catch(() => null)
			if (next === null) return
			at = from.log.items.indexOf(next, at) + 1
			await to.act({ do: 'candidate', candidate: next.candidate, mid: next.mid }).catch(() => null)
		}
	})()
}

// over: a relay, whose two ends are all that each hears of the other.
export async function signal(offerer, answerer, over = null) {
	const change = (sdp, port) => (over ? over.change(sdp, port) : sdp)
	await offerer.must({ do: 'offer' })
	const offer = await offerer.log.event('description')
	await answerer.must({ do: 'remote', type: 'offer', sdp: change(offer.sdp, 1) })
	const answer = await answerer.log.event('description')
	await offerer.must({ do: 'remote', type: 'answer', sdp: change(answer.sdp, 0) })
	if (!over) {
		trickle(offerer, answerer).catch(() => {})
		trickle(answerer, offerer).catch(() => {})
	}
	return [offer.sdp, answer.sdp]
}

// Loses one of so many datagrams of DTLS application data of so many bytes or more, each way, by a seed, while it is
// told to, and holds each back for so many milliseconds.
export class Relay {
	constructor(oneOf) {
		this.oneOf = oneOf
		this.losing = false
		this.delay = this.least = 0
		this.lost = this.passed = 0
		this.seed = 1
		this.from = [null, null]
		this.sockets = [createSocket('udp4'), createSocket('udp4')]
	}
	async begin() {
		for (const [i, socket] of this.sockets.entries()) {
			socket.on('message', (data, from) => this.carry(i, data, from))
			socket.on('error', () => {})
			await new Promise((resolve) => socket.bind(0, '10.77.0.1', resolve))
		}
		return this
	}
	carry(i, data, from) {
		this.from[i] = from
		const to = this.from[1 - i]
		if (!to) return
		this.seed = (Math.imul(this.seed, 1103515245) + 12345) >>> 0
		if (this.losing && data[0] === 23 && data.length >= this.least && (this.seed >>> 8) % this.oneOf === 0) return void this.lost++
		this.passed++
		if (this.delay === 0) return this.sockets[1 - i].send(data, to.port, to.address)
		setTimeout(() => this.ended || this.sockets[1 - i].send(data, to.port, to.address), this.delay)
	}
	// The offerer talks to socket 0, the answerer to socket 1.
	change(sdp, i) {
		const { port } = this.sockets[i].address()
		const lines = sdp.split(/\r?\n/).filter((l) => l !== '' && !/^a=(candidate|end-of-candidates)/.test(l))
		lines.push(`a=candidate:1 1 udp 2113937151 10.77.0.1 ${port} typ host`, 'a=end-of-candidates', '')
		return lines.join('\r\n')
	}
	stop() {
		this.ended = true
		for (const socket of this.sockets) socket.close()
	}
}

// A channel made by one; its numbers on both sides.
export async function open(by, other, label, first, options) {
	const marks = [by.log.mark, other.log.mark]
	if (!first) await by.must({ do: 'channel', label, options })
	const [mine, theirs] = await Promise.all([
		by.log.event('open', (e) => e.label === label, first ? 0 : marks[0]),
		other.log.event('channel', (e) => e.label === label, first ? 0 : marks[1]),
	])
	return { [by.log.name]: mine.channel, [other.log.name]: theirs.channel, theirs }
}

// Connected, with one channel that the offerer made.
export async function connected(world, library, tulleOffers, over = null, ours = 'tulle') {
	const tulle = world.owns(new Peer(ours))
	const other = world.owns(new Peer(library))
	world.members.push(tulle, other)
	const [offerer, answerer] = tulleOffers ? [tulle, other] : [other, tulle]
	await offerer.must({ do: 'channel', label: 'first' })
	const sdps = await signal(offerer, answerer, over)
	return { tulle, other, offerer, answerer, sdps, first: await open(offerer, answerer, 'first', true) }
}
