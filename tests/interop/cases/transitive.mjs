// SPDX-License-Identifier: MIT
// Peers that introduce each other, over no server: it is stopped after the first two connections.
import { same } from '../lib.mjs'
import { closes, passes } from './pairs.mjs'

async function talks(a, b) {
	await passes(a, b, 'text', 1000, 1)
	await passes(b, a, 'bytes', 65536, 2)
	await passes(a, b, 'bytes', 0, 3)
}

async function serverGone(world) {
	const ends = world.members.map((m) => m.log.event('close', (e) => e.address === world.onramp.url || e.address + '/' === world.onramp.url))
	await world.stopRamp()
	await Promise.all(ends)
}

async function member(world, kind) {
	return kind === 'tulle' ? world.node() : world.page(kind)
}

// a and c know b; b introduces them, in both directions, and is not needed after.
async function triangle(world, kinds) {
	const [b, a, c] = [await member(world, kinds[1]), await member(world, kinds[0]), await member(world, kinds[2])]
	await world.pair(a, b)
	await world.pair(c, b)
	await serverGone(world)
	await world.pair(a, c, { via: b })
	await talks(a, c)
	await closes(a, c)
	await world.pair(c, a, { via: b })
	await talks(c, a)
	await closes(b, a)
	await closes(b, c)
	await talks(a, c)
	same([await a.count(c), await c.count(a)], [1, 1], 'connections at the end')
	world.saw(`${kinds.join(' - ')}: introduced both ways without the server, and still talking without the introducer`)
}

// a - b - c - d: b introduces a to c, then c introduces a to d.
async function chain(world, kinds) {
	const all = []
	for (const kind of kinds) all.push(await member(world, kind))
	const [a, b, c, d] = all
	await world.pair(a, b)
	await world.pair(b, c)
	await world.pair(c, d)
	await serverGone(world)
	await world.pair(a, c, { via: b })
	await world.pair(d, a, { via: c })
	await talks(a, d)
	world.saw(`${kinds.join(' - ')}: the ends met, introduced by those between`)
}

export const cases = []
for (const [onramp, kinds] of [
	['original', ['chromium', 'tulle', 'chromium']],
	['tulle', ['chromium', 'tulle', 'chromium']],
	['original', ['tulle', 'chromium', 'tulle']],
	['tulle', ['tulle', 'firefox', 'tulle']],
	['tulle', ['chromium', 'tulle', 'firefox']],
	['original', ['firefox', 'tulle', 'chromium']],
	['tulle', ['firefox', 'tulle', 'tulle']],
	['tulle', ['tulle', 'tulle', 'tulle']],
	['tulle', ['tulle', 'chromium', 'tulle', 'firefox']],
	['original', ['chromium', 'tulle', 'firefox', 'tulle']],
])
	cases.push({
		name: `transitive-${kinds.join('-')}-${onramp}`,
		async run(world) {
			await world.ramp(onramp)
			await (kinds.length === 3 ? triangle : chain)(world, kinds)
		},
	})
