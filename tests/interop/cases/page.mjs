// SPDX-License-Identifier: MIT
// What stands in web/: tulle.js as a member of a mesh with nodes, with the original P and with itself, in both
// browsers; and the demo's page, its nodes and edges counted in its DOM.
import { createServer } from 'node:http'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { build, check, here, Log, same, start, stop, top, tulle } from '../lib.mjs'
import { Page } from '../members.mjs'
import { shared } from '../world.mjs'
import { passes } from './pairs.mjs'

const types = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css' }
let site
// The page of the original P's cases with web/tulle.js in P's place.
function serve() {
	const html = `<!doctype html><meta charset="utf-8"><title>tulle.js</title><script src="/page.js"></script>
<script type="module">import { create } from '/tulle.js'; window.P = { create }</script>`
	const files = { '/': ['text/html', html], '/page.js': ['text/javascript', readFileSync(path.join(here, 'page.js'))] }
	for (const name of readdirSync(path.join(top, 'web')))
		if (name.endsWith('.js')) files[`/${name}`] = [types['.js'], readFileSync(path.join(top, 'web', name))]
	const server = createServer((request, response) => {
		const file = files[request.url]
		response.writeHead(file ? 200 : 404, { 'content-type': file ? file[0] : 'text/plain' })
		response.end(file ? file[1] : '')
	})
	server.unref()
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/`)))
}

const tullePage = async (world, kind, secret = null) => {
	const name = `tulle.js in ${kind} ${world.members.length}`
	const url = await (site ??= serve())
	return world.join(name, async () => {
		const page = await Page.open(await shared(kind), url, name)
		await page.page.waitForFunction('window.P')
		await page.begin(world.onramp.url, secret)
		return page
	})
}
const drops = (page) => page.page.evaluate(() => window.root.drops)

async function closes(by, other) {
	const marks = [by.log.mark, other.log.mark]
	await by.must('close', other.address)
	await Promise.all([by.closed(other, marks[0]), other.closed(by, marks[1])])
}

async function talks(a, b) {
	for (const size of [0, 1, 65536, 262144]) {
		await passes(a, b, 'bytes', size, 3)
		await passes(b, a, 'bytes', size, 4)
	}
	for (const size of [0, 1, 65536, 262138]) {
		await passes(a, b, 'text', size, 5)
		await passes(b, a, 'text', size, 6)
	}
	for (const json of ['{"a":[1,2.5,null,true]}', '"h\u00e9 \ud83c\udf88"', '0', 'null', '[]']) {
		const mark = b.log.mark
		await a.must('send', b.address, json)
		same((await b.log.event('message', (e) => e.address === a.address, mark)).json, json, 'JSON')
	}
}

async function refusesTooLong(page, other) {
	const mark = other.log.mark
	const whys = [await page.act('bytes', other.address, 262145, 1), await page.act('text', other.address, 262139, 1)]
	check(whys.every((w) => w?.startsWith('RangeError')), `one byte more: ${whys}`)
	await passes(page, other, 'text', 1, 9)
	same(other.log.items.slice(mark).filter((e) => e.event === 'bytes' || e.event === 'message').length, 1, 'what arrived')
}

// Connects from either side, all kinds of messages, closes from either side, in the order that is promised.
async function pair(world, page, other) {
	await world.pair(page, other)
	await talks(page, other)
	await refusesTooLong(page, other)
	await closes(other, page)
	await world.pair(other, page)
	await passes(page, other, 'text', 100, 1)
	await closes(page, other)
	same([await page.count(other), await other.count(page)], [0, 0], 'what is left')
	const order = page.log.items.filter((e) => e.address === other.address).map((e) => e.event)
	const kept = order.filter((e) => ['connection', 'open', 'disconnection', 'close'].includes(e))
	same(kept, ['connection', 'open', 'disconnection', 'close', 'connection', 'open', 'disconnection', 'close'], 'order of events')
	const first = order.indexOf('open')
	check(order.slice(0, first).every((e) => e !== 'message' && e !== 'bytes'), 'nothing before open')
	same(page.log.all('pageerror').length, 0, 'errors of the page')
}

// Silence is proven by order: the allowed attempt after it completes and is the only one that was answered.
async function firewall(world, page, other, secret) {
	for (const data of [null, 'wrong']) {
		const from = page.log.mark
		await other.connect(page, { data })
		await page.log.event('firewall', () => true, from)
		await other.must('close', page.address)
	}
	await world.pair(other, page, { data: secret })
	same(page.log.all('relayed', (e) => e.way === 'out' && e.type === 4).length, 1, 'answers')
	same(page.log.all('firewall').map((e) => e.data), [null, 'wrong', secret], 'what the firewall saw')
	same((await drops(page)).p_firewall, 2, 'refusals counted')
	await closes(other, page)
}

async function glare(world, page, other, rounds = 6) {
	let crossed = 0
	for (let i = 0; i < rounds; i++) {
		const marks = [page.log.mark, other.log.mark]
		const both = [page.act('connect', other.address, null, null), other.act('connect', page.address, null, null)]
		await Promise.all(both)
		await Promise.all([page.opened(other, marks[0]), other.opened(page, marks[1])])
		await passes(page, other, 'text', 1000, i)
		await passes(other, page, 'bytes', 1000, i)
		same([await page.count(other), await other.count(page)], [1, 1], 'connections on each side')
		const ways = page.log.all('relayed', (e) => e.type === 3, marks[0]).map((e) => e.way)
		if (ways.includes('in') && ways.includes('out')) crossed++
		await closes(i % 2 ? page : other, i % 2 ? other : page)
	}
	world.saw(`glare: ${rounds} rounds, offers crossed in ${crossed}`)
}

// The page introduces the two others to each other, and the onramp is gone.
async function introduces(world, page, a, b) {
	await world.pair(page, a)
	await world.pair(page, b)
	await world.stopRamp()
	await world.pair(a, b, { via: page })
	await passes(a, b, 'text', 1000, 7)
	await passes(b, a, 'bytes', 1000, 8)
	world.saw('introduces two others to each other without an onramp')
}
async function isIntroduced(world, page, by, to) {
	await world.pair(page, by)
	await world.pair(to, by)
	await world.stopRamp()
	await world.pair(page, to, { via: by })
	await passes(page, to, 'text', 1000, 7)
	await passes(to, page, 'bytes', 1000, 8)
	world.saw('is introduced to another without an onramp')
}

// The other side closes and comes back at once: its offer may overtake the news of the end.
async function comesBack(world, page, other, rounds = 5) {
	await world.pair(other, page)
	for (let i = 0; i < rounds; i++) {
		const marks = [page.log.mark, other.log.mark]
		const calls = [other.must('close', page.address), other.connect(page)]
		await Promise.all(calls)
		await Promise.all([page.opened(other, marks[0]), other.opened(page, marks[1])])
		await passes(page, other, 'text', 100, i)
		same([await page.count(other), await other.count(page)], [1, 1], 'connections on each side')
		if (!i) await page.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500))) // it is long open
	}
	world.saw(`closed and connected again ${rounds} times`)
}

// After a failure the same address is free again, unlike in the original.
async function notPoisoned(world, page, node) {
	const mark = page.log.mark
	await page.connect({ address: 'nobody' })
	await page.must('close', 'nobody')
	await page.closed({ address: 'nobody' }, mark)
	same(await page.count({ address: 'nobody' }), 0, 'an attempt that was given up')
	await node.connect(page)
	await page.opened(node)
	world.saw('an attempt that was given up leaves nothing behind')
}

const others = {
	node: (world) => world.node(),
	original: (world, kind) => world.page(kind),
	itself: (world, kind) => tullePage(world, kind),
}

async function demo(world, kinds) {
	const child = start(tulle, ['demo', '--port', '0'], { cwd: top })
	world.owns({ stop: () => stop(child, 'SIGINT') })
	const log = new Log('tulle demo')
	createInterface({ input: child.stdout }).on('line', (text) => log.push({ event: 'line', text }))
	child.on('close', (code) => log.end(`(${code}) ${child.errors}`))
	const has = (part) => log.event('line', (e) => e.text.includes(part))
	const url = (await has('the page: ')).text.match(/the page: (\S+),/)[1]
	await has('all nodes are connected')
	const pages = []
	for (const kind of kinds) {
		const page = await (await shared(kind)).newPage()
		world.owns({ stop: () => page.close() })
		await page.setViewport({ width: 1200, height: 800 })
		await page.goto(url)
		pages.push(page)
	}
	const nodes = 3 + pages.length
	const edges = (nodes * (nodes - 1)) / 2
	const whole = (n, e) => {
		const count = (what) => document.querySelectorAll(what).length
		return count('[data-node]') === n && count('[data-edge]') === e && count('[data-kind="opening"]') === 0
	}
	for (const page of pages) await page.waitForFunction(whole, { timeout: 60000 }, nodes, edges)
	for (const [i, page] of pages.entries()) {
		await page.type('#text', `hello from ${kinds[i]}`)
		await page.click('button')
		await has(`hello from ${kinds[i]}`)
		for (const other of pages)
			await other.waitForFunction((t) => document.getElementById('log').textContent.includes(t), {}, `hello from ${kinds[i]}`)
	}
	const by = await pages[0].evaluate(() => document.querySelectorAll('[data-kind="peer"]').length)
	check(by > 0, 'nobody was introduced by a node')
	const shots = path.join(build, 'interop')
	mkdirSync(shots, { recursive: true })
	for (const [i, page] of pages.entries()) await page.screenshot({ path: path.join(shots, `demo-${kinds[i]}.png`) })
	world.saw(`${nodes} nodes, ${edges} edges in each page, ${by} of them introduced by a node; chat passes; ${shots}/demo-*.png`)
}

export const cases = []
for (const kind of ['chromium', 'firefox']) {
	for (const [name, make] of Object.entries(others))
		for (const [what, run] of Object.entries({ pair, glare }))
			cases.push({
				name: `web-${what}-${name}-${kind}`,
				async run(world) {
					await world.ramp(name === 'original' ? 'original' : 'tulle')
					const page = await tullePage(world, kind)
					await run(world, page, await make(world, kind))
				},
			})
	for (const name of ['node', 'original'])
		cases.push({
			name: `web-firewall-${name}-${kind}`,
			async run(world) {
				await world.ramp('tulle')
				const page = await tullePage(world, kind, 'sesame')
				await firewall(world, page, await others[name](world, kind), 'sesame')
			},
		})
	cases.push({
		name: `web-introduces-${kind}`,
		async run(world) {
			await world.ramp('tulle')
			const page = await tullePage(world, kind)
			await introduces(world, page, await world.page(kind), await world.node())
		},
	}, {
		name: `web-introduced-${kind}`,
		async run(world) {
			await world.ramp('tulle')
			const page = await tullePage(world, kind)
			await isIntroduced(world, page, await world.node(), await world.page(kind))
		},
	}, {
		name: `web-comes-back-${kind}`,
		async run(world) {
			await world.ramp('tulle')
			const page = await tullePage(world, kind)
			await comesBack(world, page, await world.node())
		},
	}, {
		name: `web-free-again-${kind}`,
		async run(world) {
			await world.ramp('tulle')
			const page = await tullePage(world, kind)
			await notPoisoned(world, page, await world.node())
		},
	})
}
cases.push({ name: 'web-demo', run: (world) => demo(world, ['chromium', 'firefox']) })
