// SPDX-License-Identifier: MIT
// More than a message: bulk each way with a sum over every byte; partial reliability over a path that loses; hundreds
// of channels. BULK_MIB: how much goes each way (8).
import { check, numbered, same, sumOfBytes } from '../lib.mjs'
import { connected, libraries, open, Relay } from '../rawpeers.mjs'

const mib = Number(process.env.BULK_MIB || 8)
const size = 16384

function sumOfMany(count) {
	let sum = 1
	for (let i = 0; i < count; i++) sum = sumOfBytes(numbered(size, i), sum)
	return sum
}

const failed = (e) => e.event === 'state' && (e.state === 'failed' || e.state === 4) // TULLE_CONNECTION_FAILED

async function bulk(world, library) {
	const { tulle, other } = await connected(world, library, true)
	const count = (mib << 20) / size
	const expected = sumOfMany(count)
	for (const [from, to] of [[tulle, other], [other, tulle]]) {
		const channels = await open(from, to, `bulk from ${from.log.name}`, false)
		await to.must({ do: 'count', channel: channels[to.log.name], count })
		const began = Date.now()
		await from.must({ do: 'bulk', channel: channels[from.log.name], size, count })
		const ends = (e) => (e.event === 'counted' && e.channel === channels[to.log.name]) || failed(e)
		const got = await to.log.find('counted', ends, 0, 60 + mib * 6)
		check(got.event === 'counted', `bulk from ${from.log.name}: the connection failed`)
		const seconds = (Date.now() - began) / 1000
		same([got.messages, got.bytes, got.sum, got.twice, got.late, got.wrong], [count, mib << 20, expected, 0, 0, 0],
			`bulk from ${from.log.name}`)
		world.saw(`${mib} MiB from ${from.log.name} to ${to.log.name}: sum ${got.sum}, ${(mib / seconds).toFixed(1)} MiB/s`)
	}
}

const kinds = {
	'at most once': { ordered: false, maxRetransmits: 0 },
	'for 100 ms': { ordered: true, maxPacketLifeTime: 100 },
}

// What libraries do otherwise than RFC 8831, RFC 3758 and RFC 6525 say, as their sources and traces show; docs/INTEROP.md.
const ways = {
	// dcSCTP throws away at close() what it has not begun to send
	chromium: { closesShort: true },
	wrtc: { closesShort: true },
	// libdatachannel throws away, when a reset comes, what it has acknowledged and not given out
	'node-datachannel': { hearsShort: true },
	// retransmits what is too old as well
	firefox: { lifetimeNeverEnds: true },
	// its close() resets the stream at once and sends what its own queue holds behind the reset: the case lets it
	// drain. A RE-CONFIG or FORWARD-TSN that is lost is never sent again: the relay spares what is small
	aiortc: { drains: true, loses: 500 },
	// its close() likewise; 0 is no number of retransmissions to it, and no lifetime ends. On a path that loses it
	// sends one packet a round trip and waits a second after each loss: few messages then. A channel on which its
	// ACK still waits in its queue when our reset comes is never reset by it
	werift: { drains: true, lifetimeNeverEnds: true, alwaysAgain: true, most: 60, resetsSome: true, reusesEarly: true },
}
const way = (peer) => ways[peer.log.name] ?? {}

// What the other side says of a channel; where a library cannot say or send it, nothing is asked of it:
// node-datachannel's interface does not tell, wrtc shows 65535 for null, werift sends a maxRetransmits of 0 as reliable.
function optionsOf({ ordered, maxRetransmits, maxPacketLifeTime }, teller, sender = null) {
	if (teller.log.name === 'node-datachannel') return null
	const limit = (n) => (n === undefined || n === 65535 || (n === 0 && sender?.log.name === 'werift') ? null : n)
	return [ordered, limit(maxRetransmits), limit(maxPacketLifeTime)]
}

// Many messages over a path that loses, and the channel closed right behind them: its end is heard when each was
// delivered or given up (RFC 8831 6.7), where asking at some time would count as lost what is only late. The path
// loses until then, or what is queued would go over a good one.
async function sendAndClose(relay, from, to, channels, count) {
	await to.must({ do: 'count', channel: channels[to.log.name], count })
	const marks = [from.log.mark, to.log.mark]
	relay.losing = true
	await from.must({ do: 'bulk', channel: channels[from.log.name], size: 1000, count, drain: way(from).drains })
	await from.log.event('bulked', (e) => e.channel === channels[from.log.name], marks[0])
	if (way(from).reusesEarly) relay.losing = false // its queue is empty; the answer to its reset is not to be lost
	await from.must({ do: 'close', channel: channels[from.log.name] })
	const is_it = (e) => e.channel === channels[to.log.name]
	await to.log.event('close', is_it, marks[1])
	relay.losing = false
	const seen = to.log.mark
	await to.must({ do: 'report', channel: channels[to.log.name] })
	return to.log.event('counted', is_it, seen)
}

// RFC 3758: a lossy path must cost messages that are sent at most once, and those whose lifetime is shorter than two
// round trips.
async function unreliable(world, relay, from, to, kind) {
	const count = way(from).most ?? 400
	const channels = await open(from, to, `${kind} from ${from.log.name}`, false, kinds[kind])
	same(optionsOf(channels.theirs, to), optionsOf(kinds[kind], to, from), `options of "${kind}" from ${from.log.name}`)
	relay.delay = kinds[kind].maxPacketLifeTime ? 40 : 0
	const got = await sendAndClose(relay, from, to, channels, count)
	relay.delay = 0
	world.saw(`${kind}, ${from.log.name} to ${to.log.name}: ${got.messages} of ${count}`)
	same([got.twice, got.wrong, kinds[kind].ordered ? got.late : 0], [0, 0, 0], `"${kind}" from ${from.log.name}: twice, wrong, late`)
	check(got.messages > 0, `"${kind}" from ${from.log.name}: nothing came`)
	const all = kinds[kind].maxPacketLifeTime ? way(from).lifetimeNeverEnds : way(from).alwaysAgain
	if (all) same(got.messages, count, `"${kind}" from ${from.log.name}, which gives nothing up`)
	else check(got.messages < count, `"${kind}" from ${from.log.name}: nothing was given up`)
}

async function partial(world, library) {
	const relay = world.owns(await new Relay(20).begin())
	const { tulle, other } = await connected(world, library, true, relay)
	relay.least = way(other).loses ?? 0
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (const kind of Object.keys(kinds)) await unreliable(world, relay, from, to, kind)
	world.saw(`the relay lost ${relay.lost} of ${relay.lost + relay.passed} datagrams`)
	check(relay.lost > 0, 'the relay lost nothing')
}

// Reliable, and closed right behind it: not one may be missing; where a library throws away what is last, none before.
async function closing(world, library) {
	const relay = world.owns(await new Relay(20).begin())
	const { tulle, other } = await connected(world, library, true, relay)
	relay.least = way(other).loses ?? 0
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (let i = 0; i < (way(from).most ? 1 : 5); i++) {
			const channels = await open(from, to, `${i} from ${from.log.name}`, false)
			const count = way(from).most ?? 400
			const got = await sendAndClose(relay, from, to, channels, count)
			const what = `${from.log.name} to ${to.log.name}, closed behind ${count} messages`
			if (i === 0 || got.messages !== count) world.saw(`${what}: ${got.messages}`)
			same([got.twice, got.late, got.wrong, got.last + 1], [0, 0, 0, got.messages], `${what}: twice, late, wrong, the last one`)
			if (!way(from).closesShort && !way(to).hearsShort) same(got.messages, count, what)
		}
}

async function many(world, library) {
	const { tulle, other, first } = await connected(world, library, false)
	const count = 300
	for (const [by, to] of [[tulle, other], [other, tulle]]) {
		const marks = [by.log.mark, to.log.mark]
		const label = (i) => `${by.log.name} ${i}`
		const each = (act) => Promise.all(Array.from({ length: count }, (_, i) => act(i)))
		const number = async (peer, event, from, i) => (await peer.log.event(event, (e) => e.label === label(i), from)).channel
		const closed = (peer, n, from) => peer.log.event('close', (e) => e.channel === n, from)
		await each((i) => by.must({ do: 'channel', label: label(i) }))
		const mine = await each((i) => number(by, 'open', marks[0], i))
		const theirs = await each((i) => number(to, 'channel', marks[1], i))
		await each((i) => by.must({ do: 'text', channel: mine[i], size: 1 + i, seed: i }))
		await each((i) => to.log.event('message', (e) => e.channel === theirs[i] && e.length === 1 + i, marks[1]))
		const began = Date.now()
		await each((i) => by.must({ do: 'close', channel: mine[i] }))
		await each((i) => Promise.all([closed(by, mine[i], marks[0]), closed(to, theirs[i], marks[1])]))
		const took = (Date.now() - began) / 1000
		world.saw(`${count} channels opened by ${by.log.name}, each with a message, and closed within ${took.toFixed(1)} s`)
		// else tulle would have closed them by its clock, 10 s after its own resets
		if (!way(other).resetsSome) check(took < 9, 'the resets of some channels did not come')
	}
	const mark = other.log.mark
	await tulle.must({ do: 'text', channel: first.tulle, size: 10, seed: 1 })
	await other.log.event('message', (e) => e.channel === first[library], mark)
}

export const cases = []
for (const library of libraries)
	for (const [name, run] of Object.entries({ bulk, partial, closing, many }))
		cases.push({ name: `${name}-${library}`, run: (world) => run(world, library) })
