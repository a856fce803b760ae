// SPDX-License-Identifier: MIT
// P's own examples, ours in C with the original in a browser, and with each other.
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build, Log, same, start, stop } from '../lib.mjs'

function example(world, name, ...args) {
	const child = start(path.join(build, 'examples', name), args)
	const log = new Log(`${name} ${args.join(' ')}`)
	createInterface({ input: child.stdout }).on('line', (text) => log.push({ event: 'line', text }))
	const ended = new Promise((resolve) => child.on('close', (code) => (log.end(child.errors), resolve(code))))
	world.owns({ stop: () => stop(child) })
	return { log, ended, says: (text) => log.event('line', (e) => e.text.includes(text)) }
}

// How many lines say this.
const lines = (one, text) => one.log.all('line', (e) => e.text.endsWith(text)).length

async function pingPong(world) {
	await world.ramp('original')
	const { page } = await world.page('chromium')
	await page.evaluate(() => {
		window.root.on('connection', (peer) => peer.on('message', (word) => word === 'ping?' && peer.send('pong!')))
	})
	const ping = example(world, 'ping_pong', world.onramp.url, '5')
	same(await ping.ended, 0, 'ping_pong with the original')
	same([lines(ping, '< ping?'), lines(ping, '> pong!')], [5, 5], 'pings and pongs')
	await world.members.pop().stop()
	const pong = example(world, 'ping_pong', world.onramp.url, '0')
	const again = example(world, 'ping_pong', world.onramp.url, '3')
	await pong.says('< pong!').catch(() => null)
	same([await again.ended, lines(again, '> pong!')], [0, 3], 'ping_pong with itself')
	world.saw('5 pings with a page, 3 with its like')
}

// The host stands at two doors; a page came in by one, a guest by the other: they meet through the host.
async function party(world) {
	await world.ramp('tulle')
	const front = world.onramp
	await world.ramp('original')
	const back = world.onramp
	const charlie = await world.page('chromium')
	await charlie.page.evaluate(() => {
		window.root.on('connection', (peer) => peer.on('open', () => peer.send("Hi, I'm Charlie!")))
	})
	const host = example(world, 'party', 'host', front.url, back.url)
	await host.says("Hi, I'm Charlie!")
	const alice = example(world, 'party', 'guest', 'Alice', front.url)
	await alice.says('Welcome to the party!')
	await alice.says("Hi, I'm Charlie!")
	await charlie.log.event('message', (e) => e.json === '"Hi, I\'m Alice!"')
	const bob = example(world, 'party', 'guest', 'Bob', back.url)
	await alice.says("Hi, I'm Bob!")
	await bob.says("Hi, I'm Alice!")
	await bob.says("Hi, I'm Charlie!")
	await charlie.log.event('message', (e) => e.json === '"Hi, I\'m Bob!"')
	world.saw('Charlie in a page by one door, Alice and Bob in C by two: all met through the host')
}

export const cases = [
	{ name: 'example-ping-pong', run: pingPong },
	{ name: 'example-party', run: party },
]
