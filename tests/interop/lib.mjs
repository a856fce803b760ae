// SPDX-License-Identifier: MIT
// What the cases stand on: processes that end with us, and lists of what was seen in which one waits for a
// condition, never for a time.
import { spawn } from 'node:child_process'
import { createServer, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

export const here = path.dirname(fileURLToPath(import.meta.url))
export const top = path.join(here, '..', '..')
export const build = path.resolve(top, process.env.TULLE_BUILD ?? 'build')
export const tulle = path.join(build, 'tulle')

export * from './contents.mjs'

export function check(truth, what) {
	if (!truth) throw new Error(what)
}
export function same(got, wanted, what) {
	const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
	check(a === b, `${what}: ${a}, not ${b}`)
}

const children = new Set()
export function killAll() {
	for (const child of children) child.kill('SIGKILL')
}
process.on('exit', killAll)

export function start(command, args, options = {}) {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
	children.add(child)
	child.on('exit', () => children.delete(child))
	child.stdin.on('error', () => {}) // it ended; its log tells
	child.errors = ''
	child.stderr.on('data', (data) => (child.errors += data))
	return child
}

export function stop(child, signal = 'SIGTERM') {
	return new Promise((resolve) => {
		if (child.exitCode !== null || child.signalCode !== null) return resolve()
		child.on('exit', resolve)
		child.kill(signal)
	})
}

// A list that grows, and who waits for something in it.
export class Log {
	constructor(name) {
		this.name = name
		this.items = []
		this.waiters = new Set()
		this.ended = false
	}
	// Where the list ends now: to look only at what comes later.
	get mark() {
		return this.items.length
	}
	push(item) {
		this.items.push(item)
		for (const waiter of [...this.waiters]) waiter()
	}
	end(why = '') {
		this.ended = true
		this.why = why
		for (const waiter of [...this.waiters]) waiter()
	}
	all(event, fits = () => true, from = 0) {
		return this.items.slice(from).filter((e) => e.event === event && fits(e))
	}
	tail() {
		return this.items.slice(-8).map((item) => '\n    ' + JSON.stringify(item).slice(0, 200)).join('')
	}
	// The first item from `from` on that fits; fails when the source ends or after `seconds`.
	find(what, fits, from = 0, seconds = 60) {
		return new Promise((resolve, reject) => {
			let at = from // all before were looked at
			const look = () => {
				while (at < this.items.length && !fits(this.items[at])) at++
				if (at >= this.items.length && !this.ended) return
				this.waiters.delete(look)
				clearTimeout(timer)
				if (at < this.items.length) resolve(this.items[at])
				else reject(new Error(`${this.name} ended before: ${what} ${this.why}${this.tail()}`))
			}
			const timer = setTimeout(() => {
				this.waiters.delete(look)
				reject(new Error(`${this.name}: waited ${seconds} s for: ${what}; last seen:${this.tail()}`))
			}, seconds * 1000)
			this.waiters.add(look)
			look()
		})
	}
	event(event, fits = () => true, from = 0, seconds = 60) {
		return this.find(`${event} ${fits}`, (e) => e.event === event && fits(e), from, seconds)
	}
}

// The lines of JSON that a process says, as a log.
export function logOf(child, name, change = (e) => e) {
	const log = new Log(name)
	createInterface({ input: child.stdout }).on('line', (line) => log.push(change(JSON.parse(line))))
	child.on('close', (code, signal) => log.end(`(${code ?? signal}) ${child.errors}`))
	return log
}

export function freePort() {
	return new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address()
			server.close(() => resolve(port))
		})
	})
}

// An HTTP request would end the original onramp: only whether it accepts is asked.
function accepts(port) {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)))
		socket.on('error', () => resolve(false))
	})
}

export async function tulleOnramp(args = [], where = '127.0.0.1:0') {
	const child = start(tulle, ['onramp', '--listen', where, '--json', ...args])
	const log = logOf(child, 'tulle onramp')
	return { url: (await log.event('listening')).url, child, stop: () => stop(child) }
}

export async function originalOnramp() {
	const port = await freePort()
	const child = start('node', [path.join(here, 'node_modules/onramp/bin/onramp'), '-h', `127.0.0.1:${port}`])
	child.stdout.resume()
	for (let i = 0; !(await accepts(port)); i++) {
		check(child.exitCode === null && i < 1200, `the original onramp did not start: ${child.errors}`)
		await new Promise((resolve) => setTimeout(resolve, 25)) // it says nothing that could be waited for
	}
	return { url: `ws://127.0.0.1:${port}/`, child, stop: () => stop(child) }
}
