// SPDX-License-Identifier: MIT
// One end of a measured connection for libraries inside Node: roles, lines and window as bench_peer.c has them.
// make({local, candidate, channel}) gives {open(), remote(type, sdp), candidate(text, mid), close()}; a channel has
// send(bytes), text(string), buffered(), low(bytes, then), and calls opened() and message(string or Uint8Array).
import { createInterface } from 'node:readline'
import { readFileSync } from 'node:fs'

const [role, number = '0', seconds = '2', warmUp = '0.7'] = process.argv.slice(2)
const count = Number(number)
const WARM_UP_US = Number(warmUp) * 1e6, BUFFERED_MAX = 1 << 20, BUFFERED_LOW = 256 << 10, PING_WARM_UP = 300

const nowUs = () => Number(process.hrtime.bigint() / 1n) / 1e3
const cpuUs = () => { const u = process.cpuUsage(); return u.user + u.system }
const result = (found) => console.log('result ' + Object.entries(found).map((e) => e.join(' ')).join(' '))
const hex = (text) => Buffer.from(text).toString('hex')

function sumWords(words) {
	let sum = 0
	for (let i = 2; i < words.length; i++) sum = (sum + words[i]) | 0
	return sum
}

function makeMessage(bytes) {
	const words = new Int32Array(bytes >> 2)
	let x = 1
	for (let i = 2; i < words.length; i++) words[i] = x = (Math.imul(x, 1664525) + 1013904223) | 0
	return words
}

function percentiles(name, samples) {
	samples.sort((a, b) => a - b)
	const at = (q) => samples[Math.floor((samples.length - 1) * q)].toFixed(1)
	result({ [name + '_p50']: at(0.5), [name + '_p99']: at(0.99) })
}

function send(channel, leave) {
	const words = makeMessage(count), bytes = new Uint8Array(words.buffer)
	let over = false, startCpu = 0
	let waiting = false
	const more = () => {
		if (waiting) return
		for (let n = 0; !over && channel.buffered() < BUFFERED_MAX; n += count) {
			if (n >= BUFFERED_MAX) { // the thread of the network may be as fast as this one, and events want their turn
				waiting = true
				setImmediate(() => ((waiting = false), more()))
				return
			}
			channel.send(bytes)
			words[0] = (words[0] + 1) | 0
		}
	}
	channel.low(BUFFERED_LOW, more)
	channel.opened = more
	channel.message = (text) => {
		if (text === 'mark') return (startCpu = cpuUs())
		over = true
		result({ cpu_us: cpuUs() - startCpu })
		leave()
	}
}

function receive(channel) {
	const right = sumWords(makeMessage(count))
	let expected = 0, received = 0, wrong = 0, start = 0, startCpu = 0, marked = false, over = false
	channel.message = (data) => {
		if (over) return
		const whole = data.byteOffset % 4 === 0 ? data : new Uint8Array(data)
		const words = new Int32Array(whole.buffer, whole.byteOffset, whole.byteLength >> 2)
		if (data.byteLength !== count || words[0] !== expected || sumWords(words) !== right) wrong++
		expected = (expected + 1) | 0
		received += data.byteLength
		if (expected % 64 !== 0 && count < 16384) return
		const now = nowUs()
		if (start === 0) start = now
		if (!marked && now - start > WARM_UP_US) {
			marked = true
			received = 0
			start = now
			startCpu = cpuUs()
			channel.text('mark')
		} else if (marked && now - start > Number(seconds) * 1e6) {
			over = true
			result({ cpu_us: cpuUs() - startCpu, us: now - start, bytes: received, wrong })
			channel.text('end')
		}
	}
}

function ping(channel, leave) {
	const bytes = new Uint8Array(64), samples = []
	let done = 0, sent = 0
	const go = () => {
		sent = nowUs()
		channel.send(bytes)
	}
	channel.opened = go
	channel.message = () => {
		if (++done > PING_WARM_UP) samples.push(nowUs() - sent)
		if (samples.length < count) return go()
		percentiles('rtt_us', samples)
		leave()
	}
}

function runEnd(make) {
	const leave = () => {
		end.close()
		setTimeout(() => process.exit(0), 100)
	}
	const take = (channel) => {
		if (role === 'send') send(channel, leave)
		else if (role === 'ping') ping(channel, leave)
		else if (role === 'recv') receive(channel)
		else channel.message = (data) => channel.send(data)
		channel.closed = () => setTimeout(() => process.exit(0), 100)
	}
	const end = make({
		local: (type, sdp) => console.log(`sdp ${type} ${hex(sdp)}`),
		candidate: (text, mid) => console.log(`candidate ${mid} ${hex(text)}`),
		channel: take,
	})
	createInterface({ input: process.stdin })
		.on('line', (line) => {
			const [what, second, data = ''] = line.split(' ')
			const text = Buffer.from(data, 'hex').toString()
			if (what === 'sdp') end.remote(second, text)
			else end.candidate(text, second)
		})
		.on('close', () => process.exit(0))
	if (role === 'send' || role === 'ping') take(end.open())
}

// Two ends in this process, until the channel is open on both.
function openPair(make) {
	return new Promise((resolve) => {
		const ends = []
		let opened = 0
		const see = (channel) => {
			let counted = false
			channel.opened = () => {
				if (!counted && ++opened === 2) resolve(ends)
				counted = true
			}
			channel.message = () => {}
			if (channel.isOpen()) channel.opened()
		}
		for (const i of [0, 1])
			ends.push(make({
				local: (type, sdp) => ends[1 - i].remote(type, sdp),
				candidate: (text, mid) => ends[1 - i].candidate(text, mid),
				channel: see,
			}))
		see(ends[0].open())
	})
}

async function runOpen(make) {
	const samples = [], cpu = cpuUs()
	for (let i = 0; i < count; i++) {
		const start = nowUs()
		const ends = await openPair(make)
		samples.push((nowUs() - start) / 1000)
		for (const end of ends) end.close()
	}
	result({ cpu_ms_a_pair: (cpuUs() - cpu) / 1000 / count })
	percentiles('setup_ms', samples)
	process.exit(0)
}

const rssKib = () => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

async function runIdle(make) {
	const kept = []
	for (let i = 0; i < 5; i++) kept.push(await openPair(make))
	global.gc?.()
	const before = rssKib()
	for (let i = 0; i < count; i++) kept.push(await openPair(make))
	await sleep(1000)
	global.gc?.()
	result({ idle_kib: (rssKib() - before) / count / 2 })
	const cpu = cpuUs()
	await sleep(2000)
	result({ idle_cpu_percent: ((cpuUs() - cpu) / 2e6) * 100 })
	process.exit(kept.length > 0 ? 0 : 1)
}

export function run(make) {
	if (role === 'open') runOpen(make)
	else if (role === 'idle') runIdle(make)
	else runEnd(make)
}
