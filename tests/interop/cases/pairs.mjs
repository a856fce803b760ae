// SPDX-License-Identifier: MIT
// A tulle node and the original P in a browser, through the original onramp and through ours.
import { Page } from '../members.mjs'
import { check, letters, pattern, same, sumOfBytes, sumOfText } from '../lib.mjs'

const sizes = [0, 1, 65536]
const bytesMax = 262144
const textMax = bytesMax - '[0,""]'.length
const values = ['{"a":[1,2.5,-3e3,true,false,null],"b":{"c":"d"}}', '"plain"', '"h\u00e9 \u20ac \ud83c\udf88 \\"q\\" \\\\ \\u0000 \\n"',
	'0', 'null', '[]', '{}', '[[[[]]]]', '""']

// One message from one to the other, its contents checked by length and sum.
export async function passes(from, to, verb, size, seed) {
	const mark = to.log.mark
	await from.must(verb, to.address, size, seed)
	const kind = verb === 'bytes' ? 'bytes' : 'message'
	const got = await to.log.event(kind, (e) => e.address === from.address, mark)
	const sum = verb === 'bytes' ? sumOfBytes(pattern(size, seed)) : sumOfText(letters(size, seed))
	same([got.length, got.sum], [size, sum], `${verb} of ${size} from ${from.log.name} to ${to.log.name}`)
}

async function sayJson(from, to) {
	for (const json of values) {
		const mark = to.log.mark
		await from.must('send', to.address, json)
		const got = await to.log.event('message', (e) => e.address === from.address, mark)
		same(got.json, JSON.stringify(JSON.parse(json)), `JSON from ${from.log.name}`)
	}
}

async function allSizes(from, to) {
	await sayJson(from, to)
	for (const size of [...sizes, bytesMax]) await passes(from, to, 'bytes', size, 3)
	for (const size of [...sizes, textMax]) await passes(from, to, 'text', size, 5)
}

// One byte more than the largest is refused at once, and nothing of it arrives: the next message is the next.
async function tooLarge(from, to) {
	const mark = to.log.mark
	const whys = [await from.act('bytes', to.address, bytesMax + 1, 1), await from.act('text', to.address, textMax + 1, 1)]
	check(whys[0] !== null && whys[1] !== null, `${from.log.name}: one byte more was taken: ${whys}`)
	await passes(from, to, 'text', 1, 9)
	const came = to.log.items.slice(mark).filter((e) => e.event === 'bytes' || e.event === 'message')
	same(came.map((e) => e.length), [1], `${to.log.name} after a refused send`)
	return whys
}

// The original says `close` twice, and at the second forgets whoever has the address by then.
function ended(who, other, from) {
	const enough = who.constructor === Page ? 2 : 1
	const count = () => who.log.all('close', (e) => e.address === other.address, from).length
	return who.log.find(`${enough} times close`, () => count() >= enough, from)
}

export async function closes(by, other) {
	const marks = [by.log.mark, other.log.mark]
	await by.must('close', other.address)
	await Promise.all([ended(by, other, marks[0]), ended(other, by, marks[1])])
}

async function talk(world, kind) {
	const node = await world.node()
	const page = await world.page(kind)
	await world.pair(page, node)
	const channel = await page.log.event('channel')
	same([channel.label, channel.protocol, channel.ordered, channel.reliable], ['p', 'p', true, true], 'the channel we opened')
	await allSizes(node, page)
	await allSizes(page, node)
	const whys = [await tooLarge(node, page), await tooLarge(page, node)]
	world.saw(`page connects; ${values.length} JSON values, strings to ${textMax}, buffers to ${bytesMax} both ways`)
	world.saw(`one more: node says "${whys[0][0]}"; page says "${whys[1][0]}"`)
	const mark = node.log.mark
	await page.must('typed', node.address, [9, 8])
	same((await node.log.event('message', () => true, mark)).json, '{"0":9,"1":8}', 'a typed array')
	same(page.log.all('astray').length, 0, 'messages of ours on the channel we opened ourselves')
	await closes(node, page)
	await world.pair(node, page)
	await passes(node, page, 'text', 100, 1)
	await passes(page, node, 'bytes', 100, 2)
	await closes(page, node)
	const reason = node.log.all('close').map((e) => e.reason)
	same(reason, ['local', 'remote'], 'how the node saw the two closes')
	same([await node.count(page), page.log.all('channel').length], [0, 2], 'what is left')
	world.saw(`closed by the node, connected again by the node, closed by the page: ${reason}; page sees states ${page.log.all('state').map((e) => e.state)}`)
}

// Refusal is silence. Proven by order: the allowed attempt that follows goes the same ways and completes, and only
// one answer was ever said.
async function firewall(world, kind) {
	const node = await world.node(['--firewall', 'secret'])
	const refused = [await world.page(kind, 'sesame'), await world.page(kind, 'sesame')]
	const page = await world.page(kind, 'sesame')
	for (const [i, data] of [null, 'wrong'].entries()) {
		await refused[i].connect(node, { data })
		await refused[i].log.event('relayed', (e) => e.way === 'out' && e.type === 3)
	}
	await world.pair(page, node, { data: 'secret' })
	const answers = (p) => p.log.all('relayed', (e) => e.way === 'in' && e.type === 4).length
	for (const p of refused) {
		await node.connect(p) // reaches it after all that the node said to it before
		await p.log.event('firewall')
		await node.must('close', p.address)
	}
	const seen = [...refused.map(answers), answers(page), node.log.all('connection', (e) => e.incoming).length]
	same(seen, [0, 0, 1, 1], 'answers to the two refused and the allowed, connections at the node')
	await passes(page, node, 'text', 10, 1)
	await closes(page, node)
	const mark = page.log.mark
	for (const data of [null, 'wrong']) {
		const from = page.log.mark
		await node.connect(page, { data })
		await page.log.event('firewall', () => true, from)
		await node.must('close', page.address)
	}
	await world.pair(node, page, { data: 'sesame' })
	same(page.log.all('firewall', () => true, mark).map((e) => e.data), [null, 'wrong', 'sesame'], 'what the firewall of the page saw')
	same(page.log.all('relayed', (e) => e.way === 'out' && e.type === 4, mark).length, 1, 'answers of the page')
	await passes(node, page, 'text', 10, 1)
	world.saw(`node with a firewall: 3 offers, answers ${seen.slice(0, 3)}; page with one: 3 offers, 1 answer`)
}

// Both connect at once: one connection on each side, and it carries data both ways.
async function glare(world, kind) {
	const node = await world.node()
	const page = await world.page(kind)
	const rounds = 8
	let crossed = 0
	for (let i = 0; i < rounds; i++) {
		const marks = [node.log.mark, page.log.mark]
		const first = i % 2 ? [node, page] : [page, node]
		const calls = first.map((m) => m.act('connect', (m === node ? page : node).address, null, null))
		await Promise.all(calls)
		await Promise.all([node.opened(page, marks[0]), page.opened(node, marks[1])])
		await passes(node, page, 'text', 1000, i)
		await passes(page, node, 'bytes', 1000, i)
		same([await node.count(page), await page.count(node)], [1, 1], 'connections on each side')
		const ways = page.log.all('relayed', (e) => e.type === 3, marks[1]).map((e) => e.way)
		if (ways.includes('in') && ways.includes('out')) crossed++
		await closes(i % 4 < 2 ? node : page, i % 4 < 2 ? page : node)
		same([await node.count(page), await page.count(node)], [0, 0], 'connections after the close')
	}
	// The page answers our offer with an offer of its own as well: its answer is the one that counts.
	await page.page.evaluate(() => (window.eager = true))
	await world.pair(node, page)
	await passes(node, page, 'text', 1000, 1)
	await passes(page, node, 'bytes', 1000, 1)
	await closes(node, page)
	same(await node.count(page), 0, 'connections after the last close')
	const opens = [node.log.all('open', (e) => !e.ramp).length, page.log.all('open', (e) => !e.ramp).length]
	same(opens, [rounds + 1, rounds + 1], 'how often each side saw it open')
	world.saw(`${rounds} rounds, offers crossed in ${crossed}; opens ${opens}`)
}

export const cases = []
for (const onramp of ['original', 'tulle'])
	for (const kind of ['chromium', 'firefox'])
		for (const [name, run] of Object.entries({ talk, firewall, glare }))
			cases.push({
				name: `pair-${name}-${kind}-${onramp}`,
				async run(world) {
					await world.ramp(onramp)
					await run(world, kind)
				},
			})
