// SPDX-License-Identifier: MIT
// One raw data channel with each of the other libraries, offered from either side.
import { check, letters, pattern, same, sumOfBytes, sumOfText } from '../lib.mjs'
import { connected, libraries, open } from '../rawpeers.mjs'

const limitOf = (sdp) => Number(/a=max-message-size:(\d+)/.exec(sdp)?.[1] ?? 65536)

async function passes(from, to, channels, kind, size, seed) {
	const mark = to.log.mark
	await from.must({ do: kind, channel: channels[from.log.name], size, seed })
	const got = await to.log.event('message', () => true, mark)
	const sum = kind === 'bytes' ? sumOfBytes(pattern(size, seed)) : sumOfText(letters(size, seed))
	same([got.channel, got.is_text, got.length, got.sum], [channels[to.log.name], kind === 'text', size, sum],
		`${kind} of ${size} from ${from.log.name}`)
}

// SNAP and SPED are in both descriptions, and served.
async function inFewerRoundTrips(world, tulle, sdps) {
	for (const sdp of sdps) check(/^a=sctp-init:/m.test(sdp) && /^a=ice-options:.*sped/m.test(sdp), `no SNAP or SPED in ${sdp}`)
	const { snap, sped_in, sped_out } = await tulle.log.event('setup')
	check(snap && sped_in > 0, `SNAP ${snap}, DTLS came in ${sped_in} checks or answers`)
	world.saw(`SNAP; DTLS came in ${sped_in} checks or answers and went out in ${sped_out}`)
}

async function raw(world, library, tulleOffers) {
	const { tulle, other, offerer, answerer, sdps, first } = await connected(world, library, tulleOffers)
	if (library === 'chromium-trials') await inFewerRoundTrips(world, tulle, sdps)
	const limits = tulleOffers ? sdps.map(limitOf) : sdps.map(limitOf).reverse() // of what tulle takes, of what the other takes
	const largest = { tulle: Math.min(262144, limits[1]), [library]: Math.min(262144, limits[0]) }
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (const kind of ['text', 'bytes'])
			// werift sends nothing at all for an empty message
			for (const size of [1, 65536, largest[from.log.name], 0])
				if (size !== 0 || from !== other || library !== 'werift') await passes(from, to, first, kind, size, size & 63)
	if (limits[1] <= 262144) {
		const over = await tulle.act({ do: 'bytes', channel: first.tulle, size: limits[1] + 1, seed: 0 })
		same([over.ok, over.error], [false, 'too_large'], `one byte more than ${library} takes`)
	}
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

// No UDP: all that is told is where tulle takes streams (RFC 6544), as behind a firewall that lets TCP out alone.
const streamsAlone = {
	change: (sdp) => sdp.split(/\r?\n/).filter((l) => !l.startsWith('a=candidate') || l.includes('tcptype passive')).join('\r\n'),
}

async function rawOverTcp(world, library, tulleOffers) {
	const { tulle, other, first } = await connected(world, library, tulleOffers, streamsAlone, 'tulle-tcp')
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (const size of [1, 65536, 262144]) await passes(from, to, first, 'bytes', size, size & 63)
	const count = 200
	const rates = []
	for (const [from, to] of [[tulle, other], [other, tulle]]) {
		const begin = Date.now()
		await to.must({ do: 'count', channel: first[to.log.name], count })
		const mark = to.log.mark
		await from.must({ do: 'bulk', channel: first[from.log.name], size: 16384, count })
		const got = await to.log.event('counted', () => true, mark)
		same([got.messages, got.bytes, got.wrong, got.twice], [count, count * 16384, 0, 0], `bulk from ${from.log.name}`)
		rates.push(((count * 16384) / 1048.576 / (Date.now() - begin)).toFixed(1))
	}
	await tulle.must({ do: 'path' })
	const used = await tulle.log.event('path')
	same([used.tcp, used.local, used.remote], [true, 'host', 'prflx'], 'the path in use')
	world.saw(`${tulleOffers ? 'tulle' : library} offers; over a stream that ${library} opened, RTT ${used.rtt} us; ${rates[0]} MiB/s to it, ${rates[1]} from it`)
	await other.must({ do: 'end' })
	await tulle.log.event('close', (e) => e.channel === first.tulle)
}

export const cases = []
for (const library of ['chromium', 'firefox'])
	for (const tulleOffers of [true, false])
		cases.push({ name: `raw-tcp-${library}-${tulleOffers ? 'answers' : 'offers'}`, run: (world) => rawOverTcp(world, library, tulleOffers) })
for (const library of [...libraries, 'chromium-trials'])
	for (const tulleOffers of [true, false])
		cases.push({ name: `raw-${library}-${tulleOffers ? 'answers' : 'offers'}`, run: (world) => raw(world, library, tulleOffers) })
