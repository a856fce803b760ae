// SPDX-License-Identifier: MIT
// Within lab.sh: a host that loses its network in mid-transfer, while it has another or before it gets one.
// It asks for new descriptions. All that was sent arrives, once and in order, over another path.
// usage: moves.mjs [FILTER...]: names that contain one of these.
import { execFileSync } from 'node:child_process'
import { check, same } from '../interop/lib.mjs'
import { Peer, signal } from '../interop/rawpeers.mjs'
import { finish, runCases } from './cases.mjs'

const servers = [{ urls: 'stun:203.0.113.1' }]
const size = 16384
const count = 1500 // 24 MiB: four seconds at 50 Mbit/s
const ip = (...args) => execFileSync('ip', ['-n', 'moving', ...args], { stdio: 'inherit' })
const lose = (eth) => ip('link', 'set', eth, 'down')
function gain(eth) {
	const n = eth === 'eth0' ? 19 : 20
	ip('link', 'set', eth, 'up')
	ip('route', 'replace', 'default', 'via', `10.1.${n}.1`, 'dev', eth, 'metric', `${n}`)
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function progress(peer, channel) {
	const mark = peer.log.mark
	await peer.must({ do: 'report', channel })
	return (await peer.log.event('counted', () => true, mark)).messages
}

// tulle asks for new descriptions when a network is lost or comes; what is asked for meanwhile is asked again.
function renegotiate(mover, other) {
	let at = mover.log.mark
	;(async () => {
		for (;;) {
			const asked = await mover.log.event('negotiation', () => true, at, 200)
			at = mover.log.items.indexOf(asked, at) + 1
			const marks = [mover.log.mark, other.log.mark]
			await mover.must({ do: 'offer' })
			const offer = await mover.log.event('description', () => true, marks[0])
			await other.must({ do: 'remote', type: 'offer', sdp: offer.sdp })
			const answer = await other.log.event('description', () => true, marks[1])
			await mover.must({ do: 'remote', type: 'answer', sdp: answer.sdp })
		}
	})().catch((e) => mover.log.push({ event: 'renegotiation', text: e.message }))
}

// A channel of its own each way; both sides send all the time.
async function transfer(one, mover, other) {
	const ways = [[mover, other], [other, mover]]
	const runs = []
	for (const [from, to] of ways) {
		const label = `from ${from.log.name}`
		await from.must({ do: 'channel', label })
		const [mine, theirs] = await Promise.all([
			from.log.event('open', (e) => e.label === label, 0, 20),
			to.log.event('channel', (e) => e.label === label, 0, 20),
		])
		await to.must({ do: 'count', channel: theirs.channel, count })
		runs.push({ from, to, mine: mine.channel, theirs: theirs.channel })
	}
	for (const r of runs) await r.from.must({ do: 'bulk', channel: r.mine, size, count })
	let before
	do {
		await pause(20)
		before = await Promise.all(runs.map((r) => progress(r.to, r.theirs)))
	} while (before.every((n) => n < count / 10))
	check(before.every((n) => n < count), 'all had come before the network was lost')
	renegotiate(mover, other)
	const begun = performance.now()
	await one.move()
	for (const r of runs) {
		const all = await r.to.log.event('counted', (e) => e.channel === r.theirs && e.messages === count, 0, 120)
		same([all.bytes, all.twice, all.late, all.wrong], [count * size, 0, 0, 0], `what ${r.to.log.name} got`)
	}
	return `lost after ${before} of ${count}, all had come ${Math.round(performance.now() - begun)} ms later`
}

async function run(one, peers) {
	gain('eth0')
	gain('eth1')
	if (!one.both) lose('eth1')
	await pause(100)
	const make = (name, space) => {
		const peer = new Peer(name, { within: ['ip', 'netns', 'exec', space], servers })
		peer.log.name = space
		peers.push(peer)
		return peer
	}
	const mover = make('tulle', 'moving')
	const other = make(one.other, 'b-cone')
	await other.act({ do: 'path' })
	const [offerer, answerer] = one.moverOffers ? [mover, other] : [other, mover]
	await offerer.must({ do: 'channel', label: 'first' })
	await signal(offerer, answerer)
	await offerer.log.event('open', (e) => e.label === 'first', 0, 30)
	return transfer(one, mover, other)
}

const cases = []
for (const other of ['tulle', 'chromium'])
	for (const moverOffers of [true, false]) {
		const who = moverOffers ? `tulle, which moves, to ${other}` : `${other} to tulle, which moves`
		cases.push({ other, moverOffers, both: true, name: `${who}: a network is lost, another is there`, move: () => lose('eth0') })
		cases.push({
			other,
			moverOffers,
			both: false,
			name: `${who}: a network is lost, another comes a second later`,
			async move() {
				lose('eth0')
				await pause(1000)
				gain('eth1')
			},
		})
	}

const { chosen, failed } = await runCases(cases, run)
finish(chosen.length, failed)
