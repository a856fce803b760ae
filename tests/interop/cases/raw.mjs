// SPDX-License-Identifier: MIT
// One raw data channel with each of three other libraries, offered from either side.
import path from 'node:path'
import { build, check, here, letters, logOf, pattern, same, start, stop, sumOfBytes, sumOfText } from '../lib.mjs'

class Peer {
	constructor(name) {
		this.child = name === 'tulle' ? start(path.join(build, 'rawpeer'), []) : start('node', [path.join(here, 'peers', `${name}.mjs`)])
		this.log = logOf(this.child, name)
		this.said = 0
	}
	async act(command) {
		const number = ++this.said
		this.child.stdin.write(JSON.stringify(command) + '\n')
		const replies = () => this.log.all('reply')
		await this.log.find(`reply to ${command.do}`, () => replies().length >= number)
		return replies()[number - 1]
	}
	async must(command) {
		const reply = await this.act(command)
		check(reply.ok, `${this.log.name}: ${command.do}: ${reply.error}: ${reply.text}`)
	}
	stop() {
		return stop(this.child, 'SIGKILL')
	}
}

// Carries candidates over as they come, once the other side has a description to put them to.
function trickle(from, to) {
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

async function signal(offerer, answerer) {
	await offerer.must({ do: 'offer' })
	const offer = await offerer.log.event('description')
	await answerer.must({ do: 'remote', type: 'offer', sdp: offer.sdp })
	const answer = await answerer.log.event('description')
	await offerer.must({ do: 'remote', type: 'answer', sdp: answer.sdp })
	trickle(offerer, answerer).catch(() => {})
	trickle(answerer, offerer).catch(() => {})
	return [offer.sdp, answer.sdp]
}

const limitOf = (sdp) => Number(/a=max-message-size:(\d+)/.exec(sdp)?.[1] ?? 65536)

async function passes(from, to, channels, kind, size, seed) {
	const mark = to.log.mark
	await from.must({ do: kind, channel: channels[from.log.name], size, seed })
	const got = await to.log.event('message', () => true, mark)
	const sum = kind === 'bytes' ? sumOfBytes(pattern(size, seed)) : sumOfText(letters(size, seed))
	same([got.channel, got.is_text, got.length, got.sum], [channels[to.log.name], kind === 'text', size, sum],
		`${kind} of ${size} from ${from.log.name}`)
}

// A channel made by one; its numbers on both sides.
async function open(by, other, label, first) {
	const marks = [by.log.mark, other.log.mark]
	if (!first) await by.must({ do: 'channel', label })
	const [mine, theirs] = await Promise.all([
		by.log.event('open', (e) => e.label === label, first ? 0 : marks[0]),
		other.log.event('channel', (e) => e.label === label, first ? 0 : marks[1]),
	])
	return { [by.log.name]: mine.channel, [other.log.name]: theirs.channel }
}

async function raw(world, library, tulleOffers) {
	const tulle = world.owns(new Peer('tulle'))
	const other = world.owns(new Peer(library))
	world.members.push(tulle, other)
	const [offerer, answerer] = tulleOffers ? [tulle, other] : [other, tulle]
	await offerer.must({ do: 'channel', label: 'first' })
	const sdps = await signal(offerer, answerer)
	const limits = tulleOffers ? sdps.map(limitOf) : sdps.map(limitOf).reverse() // of what tulle takes, of what the other takes
	const first = await open(offerer, answerer, 'first', true)
	const largest = { tulle: Math.min(262144, limits[1]), [library]: Math.min(262144, limits[0]) }
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (const kind of ['text', 'bytes'])
			// werift sends nothing at all for an empty message
			for (const size of [1, 65536, largest[from.log.name], 0])
				if (size !== 0 || from !== other || library !== 'werift') await passes(from, to, first, kind, size, size & 63)
	await tulle.must({ do: 'echo' })
	const mark = other.log.mark
	await passes(other, tulle, first, 'text', 65536, 7)
	same((await other.log.event('message', () => true, mark)).sum, sumOfText(letters(65536, 7)), 'the echo')
	const second = await open(answerer, offerer, 'second', false)
	for (const [by, to, channels] of [[tulle, other, first], [other, tulle, second]]) {
		await by.must({ do: 'close', channel: channels[by.log.name] })
		await Promise.all([by, to].map((p) => p.log.event('close', (e) => e.channel === channels[p.log.name])))
	}
	world.saw(`${tulleOffers ? 'tulle' : library} offers; largest to tulle ${largest[library]}, to ${library} ${largest.tulle}; closed from both sides`)
	const third = await open(tulle, other, 'third', false)
	// werift ends without a word: it closes DTLS before it would say ABORT
	const [by, to] = tulleOffers || library === 'werift' ? [tulle, other] : [other, tulle]
	await by.must({ do: 'end' })
	await to.log.event('close', (e) => e.channel === third[to.log.name])
	world.saw(`the connection closed by ${by.log.name}: its end was seen as ${JSON.stringify(to.log.items.at(-1)).slice(0, 80)}`)
}

export const cases = []
for (const library of ['wrtc', 'node-datachannel', 'werift'])
	for (const tulleOffers of [true, false])
		cases.push({ name: `raw-${library}-${tulleOffers ? 'answers' : 'offers'}`, run: (world) => raw(world, library, tulleOffers) })
