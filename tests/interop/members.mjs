// SPDX-License-Identifier: MIT
// Members of a mesh, with the same verbs and the same events whatever they are: `tulle node` as a process, and
// the original P as a page in a browser. Events: open, close, connection, message {is_text, length, sum, json},
// bytes {length, sum}.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { check, here, letters, Log, logOf, pattern, start, stop, sumOfBytes, sumOfText, tulle } from './lib.mjs'

class Member {
	// What an onramp announced: the address of another member.
	announced(from = 0) {
		return this.log.event('message', (e) => e.ramp && e.is_text, from).then((e) => JSON.parse(e.json))
	}
	// No error where one must not be.
	async must(verb, ...args) {
		const why = await this.act(verb, ...args)
		check(why === null, `${this.log.name}: ${verb}: ${why}`)
	}
	connect(other, { data = null, via = null } = {}) {
		return this.must('connect', other.address, data, via && via.address)
	}
	opened(other, from = 0) {
		return this.log.event('open', (e) => e.address === other.address, from)
	}
	closed(other, from = 0) {
		return this.log.event('close', (e) => e.address === other.address, from)
	}
}

export class Node extends Member {
	constructor(url, args = [], name = 'tulle node') {
		super()
		this.line = 0
		this.child = start(tulle, ['node', url, '--json', ...args])
		this.log = logOf(this.child, name, (e) => {
			if (e.event === 'bytes') return { event: e.event, address: e.address, length: e.length, sum: sumOfBytes(Buffer.from(e.hex, 'hex')) }
			if (e.event === 'open') return { ...e, ramp: e.address === url }
			if (e.event !== 'message') return e
			const json = JSON.stringify(e.json)
			const text = typeof e.json === 'string' ? e.json : json
			const about = { event: e.event, address: e.address, ramp: e.address === url, is_text: typeof e.json === 'string' }
			return { ...about, length: text.length, sum: sumOfText(text), json: json.slice(0, 300) }
		})
	}
	async command(line) {
		const number = ++this.line
		this.child.stdin.write(line + '\n')
		return this.log.find(`reply to ${line.slice(0, 60)}`, (e) => e.event === 'reply' && e.line === number)
	}
	async act(verb, address, a, b) {
		const lines = {
			connect: () => `connect ${address}${b ? ` via ${b}` : ''}${a === null ? '' : ` offer-data ${JSON.stringify(a)}`}`,
			send: () => `send ${address} ${a}`,
			text: () => `text ${address} ${letters(a, b)}`,
			bytes: () => `bytes ${address} ${Buffer.from(pattern(a, b)).toString('hex')}`,
			close: () => `close ${address}`,
		}
		const reply = await this.command(lines[verb]())
		return reply.ok ? null : `${reply.error}: ${reply.text}`
	}
	// How many nodes it has of this address; with open: only those.
	async count(other) {
		const from = this.log.mark
		await this.command('peers')
		const { peers } = await this.log.event('peers', () => true, from)
		return peers.filter((p) => p.address === other.address).length
	}
	stop() {
		return stop(this.child)
	}
	kill() {
		return stop(this.child, 'SIGKILL')
	}
}

export class Page extends Member {
	static async open(browser, url, name) {
		const self = new Page()
		self.log = new Log(name)
		self.page = await browser.newPage()
		self.page.on('pageerror', (e) => self.log.push({ event: 'pageerror', text: String(e.message ?? e) }))
		await self.page.exposeFunction('report', (json) => self.log.push(JSON.parse(json)))
		await self.page.goto(url)
		return self
	}
	begin(url, secret = null) {
		return this.page.evaluate((u, s) => window.begin(u, s), url, secret)
	}
	act(...args) {
		return this.page.evaluate((...all) => window.act(...all), ...args)
	}
	count(other) {
		return this.page.evaluate((a) => window.count(a), other.address)
	}
	isOpen(other) {
		return this.page.evaluate((a) => window.isOpen(a), other.address)
	}
	stop() {
		return this.page.close().catch(() => {})
	}
}

// Serves the page with the original P.
export async function servePage() {
	const html = '<!doctype html><meta charset="utf-8"><title>P</title><script src="/page.js"></script><script src="/p.js"></script>'
	const files = {
		'/': ['text/html', html],
		'/p.js': ['text/javascript', readFileSync(path.join(here, 'node_modules/internet/dist/p.js'))],
		'/page.js': ['text/javascript', readFileSync(path.join(here, 'page.js'))],
	}
	const server = createServer((request, response) => {
		const file = files[request.url]
		response.writeHead(file ? 200 : 404, { 'content-type': file ? file[0] : 'text/plain' })
		response.end(file ? file[1] : '')
	})
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
	return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => (server.closeAllConnections?.(), server.close()) }
}
