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

async function bulk(world, library) {
	const { tulle, other } = await connected(world, library, true)
	const count = (mib << 20) / size
	const expected = sumOfMany(count)
	for (const [from, to] of [[tulle, other], [other, tulle]]) {
		const channels = await open(from, to, `bulk from ${from.log.name}`, false)
		await to.must({ do: 'count', channel: channels[to.log.name], count })
		const began = Date.now()
		await from.must({ do: 'bulk', channel: channels[from.log.name], size, count })
		const got = await to.log.event('counted', (e) => e.channel === channels[to.log.name], 0, 60 + mib * 6)
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

// What of many messages came, once all that was sent for certain behind them is there.
async function unreliable(world, relay, from, to, kind, first) {
	const count = 400
	const channels = await open(from, to, `${kind} from ${from.log.name}`, false, kinds[kind])
	const { ordered, maxRetransmits, maxPacketLifeTime } = channels.theirs
	same([ordered, maxRetransmits ?? null, maxPacketLifeTime ?? null].slice(0, 1), [kinds[kind].ordered], `options of "${kind}"`)
	await to.must({ do: 'count', channel: channels[to.log.name], count })
	relay.losing = true
	const mark = from.log.mark
	await from.must({ do: 'bulk', channel: channels[from.log.name], size: 1000, count })
	await from.log.event('bulked', (e) => e.channel === channels[from.log.name], mark)
	// a reliable message goes on being sent until it is there; three of them take longer than any lifetime
	for (let i = 0; i < 3; i++) {
		const before = to.log.mark
		await from.must({ do: 'text', channel: first[from.log.name], size: 1000, seed: i })
		await to.log.event('message', (e) => e.channel === first[to.log.name], before)
	}
	relay.losing = false
	const seen = to.log.mark
	await to.must({ do: 'report', channel: channels[to.log.name] })
	const got = await to.log.event('counted', (e) => e.channel === channels[to.log.name], seen)
	check(got.messages > 0 && got.messages <= count, `"${kind}" from ${from.log.name}: ${got.messages} of ${count}`)
	same([got.twice, got.wrong, ordered === false ? 0 : got.late], [0, 0, 0], `"${kind}" from ${from.log.name}: twice, wrong, late`)
	world.saw(`${kind}, ${from.log.name} to ${to.log.name}: ${got.messages} of ${count}`)
}

async function partial(world, library) {
	const relay = world.owns(await new Relay(20).begin())
	const { tulle, other, first } = await connected(world, library, true, relay)
	for (const [from, to] of [[tulle, other], [other, tulle]])
		for (const kind of Object.keys(kinds)) await unreliable(world, relay, from, to, kind, first)
	world.saw(`the relay lost ${relay.lost} of ${relay.lost + relay.passed} datagrams`)
	check(relay.lost > 0, 'the relay lost nothing')
}

async function many(world, library) {
	const { tulle, other, first } = await connected(world, library, false)
	const count = 300
	for (const [by, to] of [[tulle, other], [other, tulle]]) {
		const marks = [by.log.mark, to.log.mark]
		const label = (i) => `${by.log.name} ${i}`
		for (let i = 0; i < count; i++) await by.must({ do: 'channel', label: label(i) })
		const number = async (peer, event, from, i) => (await peer.log.event(event, (e) => e.label === label(i), from)).channel
		for (let i = 0; i < count; i++) {
			const mine = await number(by, 'open', marks[0], i)
			const theirs = await number(to, 'channel', marks[1], i)
			await by.must({ do: 'text', channel: mine, size: 1 + i, seed: i })
			await to.log.event('message', (e) => e.channel === theirs && e.length === 1 + i, marks[1])
		}
		const closer = by
		for (let i = 0; i < count; i++) await closer.must({ do: 'close', channel: await number(by, 'open', marks[0], i) })
		for (let i = 0; i < count; i++)
			for (const [peer, event, from] of [[by, 'open', marks[0]], [to, 'channel', marks[1]]]) {
				const n = await number(peer, event, from, i)
				await peer.log.event('close', (e) => e.channel === n, from)
			}
		world.saw(`${count} channels opened by ${by.log.name}, each with a message, and closed`)
	}
	const mark = other.log.mark
	await tulle.must({ do: 'text', channel: first.tulle, size: 10, seed: 1 })
	await other.log.event('message', (e) => e.channel === first[library], mark)
}

export const cases = []
for (const library of libraries)
	for (const [name, run] of Object.entries({ bulk, partial, many }))
		cases.push({ name: `${name}-${library}`, run: (world) => run(world, library) })
