// SPDX-License-Identifier: MIT
// What the cases stand on: tulle nodes and onramps as processes, browsers with the original P, waiting for a
// condition (never for a time), and a list of what was seen.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import path from 'node:path'
import puppeteer from 'puppeteer-core'

export const here = path.dirname(fileURLToPath(import.meta.url))
export const top = path.join(here, '..', '..')
export const tulle = path.join(top, process.env.TULLE_BUILD ?? 'build', 'tulle')

const children = new Set()
export function killAll() {
	for (const child of children) child.kill('SIGKILL')
}
process.on('exit', killAll)

function start(command, args, options = {}) {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
	children.add(child)
	child.on('exit', () => children.delete(child))
	child.errors = ''
	child.stderr.on('data', (data) => (child.errors += data))
	return child
}

// A list that grows, and who waits for something in it.
export class Log {
	constructor(name) {
		this.name = name
		this.items = []
		this.waiters = new Set()
		this.ended = false
	}
	push(item) {
		this.items.push(item)
		for (const waiter of [...this.waiters]) waiter()
	}
	end() {
		this.ended = true
		for (const waiter of [...this.waiters]) waiter()
	}
	// The first item from `from` on that fits; fails when the source ends or after a minute.
	find(what, fits, from = 0) {
		return new Promise((resolve, reject) => {
			const look = () => {
				const at = this.items.findIndex((item, i) => i >= from && fits(item))
				if (at < 0 && !this.ended) return false
				this.waiters.delete(look)
				clearTimeout(timer)
				if (at >= 0) resolve(this.items[at])
				else reject(new Error(`${this.name} ended before: ${what}`))
				return true
			}
			const timer = setTimeout(() => {
				this.waiters.delete(look)
				const tail = this.items.slice(-6).map((item) => JSON.stringify(item).slice(0, 200))
				reject(new Error(`${this.name}: waited a minute for: ${what}; last seen:\n  ${tail.join('\n  ')}`))
			}, 60000)
			this.waiters.add(look)
			look()
		})
	}
}

export class Node {
	constructor(urls, args = [], name = 'tulle node') {
		this.child = start(tulle, ['node', ...urls, '--json', ...args])
		this.log = new Log(name)
		this.line = 0
		createInterface({ input: this.child.stdout }).on('line', (line) => this.log.push(JSON.parse(line)))
		this.exited = new Promise((resolve) =>
			this.child.on('exit', (code, signal) => {
				this.code = code ?? signal
				this.log.end()
				resolve(this.code)
			})
		)
	}
	async command(line) {
		const number = ++this.line
		this.child.stdin.write(line + '\n')
		return this.log.find(`reply to ${line.slice(0, 60)}`, (e) => e.event === 'reply' && e.line === number)
	}
	async must(line) {
		const reply = await this.command(line)
		if (!reply.ok) throw new Error(`${this.log.name}: ${line.slice(0, 80)}: ${reply.error}: ${reply.text}`)
	}
	event(event, fits = () => true, from = 0) {
		return this.log.find(event, (e) => e.event === event && fits(e), from)
	}
	async stop() {
		this.child.stdin.end('quit\n')
		return this.exited
	}
}

export async function tulleOnramp(args = [], where = '127.0.0.1:0') {
	const child = start(tulle, ['onramp', '--listen', where, '--json', ...args])
	const log = new Log('tulle onramp')
	createInterface({ input: child.stdout }).on('line', (line) => log.push(JSON.parse(line)))
	child.on('exit', () => log.end())
	const said = await log.find('listening', (e) => e.event === 'listening')
	return { url: said.url, stop: () => stop(child), child }
}

// An HTTP request would end the original: only whether it accepts is asked.
function accepts(port) {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)))
		socket.on('error', () => resolve(false))
	})
}

export async function originalOnramp(port) {
	const child = start('node', [path.join(here, 'node_modules/onramp/bin/onramp'), '-h', `127.0.0.1:${port}`])
	child.stdout.resume()
	for (let i = 0; ; i++) {
		if (await accepts(port)) break
		if (child.exitCode !== null || i > 600) throw new Error(`the original onramp did not start: ${child.errors}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
	return { url: `ws://127.0.0.1:${port}/`, stop: () => stop(child), child }
}

export function stop(child, signal = 'SIGTERM') {
	return new Promise((resolve) => {
		if (child.exitCode !== null || child.signalCode !== null) return resolve()
		child.on('exit', resolve)
		child.kill(signal)
	})
}

const chromiumFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync']

export async function launch(kind, extra = []) {
	const userDataDir = mkdtempSync(path.join(tmpdir(), 'tulle-browser-'))
	if (kind === 'firefox')
		return puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, userDataDir })
	return puppeteer.launch({
		executablePath: '/usr/bin/chromium',
		headless: true,
		userDataDir,
		args: [...chromiumFlags, ...extra],
	})
}

// Serves a page with the original P; its address.
export async function servePage() {
	const files = {
		'/': ['text/html', '<!doctype html><meta charset="utf-8"><title>P</title><script src="/p.js"></script><script src="/page.js"></script>'],
		'/p.js': ['text/javascript', readFileSync(path.join(here, 'node_modules/internet/dist/p.js'))],
		'/page.js': ['text/javascript', readFileSync(path.join(here, 'page.js'))],
	}
	const server = createServer((request, response) => {
		const file = files[request.url]
		response.writeHead(file ? 200 : 404, { 'content-type': file ? file[0] : 'text/plain' })
		response.end(file ? file[1] : '')
	})
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
	return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() }
}

// One tab that runs the original P. What its listeners hear comes into log.
export class Page {
	static async open(browser, url, name) {
		const self = new Page()
		self.log = new Log(name)
		self.page = await browser.newPage()
		self.page.on('pageerror', (e) => self.log.push({ event: 'pageerror', text: String(e.message ?? e) }))
		await self.page.exposeFunction('report', (json) => self.log.push(JSON.parse(json)))
		await self.page.goto(url)
		return self
	}
	run(fn, ...args) {
		return this.page.evaluate(fn, ...args)
	}
	event(event, fits = () => true, from = 0) {
		return this.log.find(event, (e) => e.event === event && fits(e), from)
	}
}
