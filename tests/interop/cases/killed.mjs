// SPDX-License-Identifier: MIT
// Peers that are killed without a word are noticed in bounded time: consent ends after 30 s (RFC 7675).
import { check, same } from '../lib.mjs'
import { launch } from '../world.mjs'
import { passes } from './pairs.mjs'

async function killed(world) {
	await world.ramp('tulle')
	const own = await launch('chromium')
	world.owns({ stop: own.close })
	const node = await world.node()
	const victim = await world.node([], 'tulle, to be killed')
	const page = await world.page('chromium', null, own.browser)
	const other = await world.page('chromium')
	await world.pair(node, victim)
	await world.pair(page, node)
	await world.pair(other, victim)
	await passes(page, node, 'text', 10, 1)
	const begin = Date.now()
	const ended = new Promise((resolve) => own.browser.process().once('exit', resolve))
	own.browser.process().kill('SIGKILL')
	await Promise.all([ended, victim.kill()])
	const noticed = async (who) => [(await node.closed(who)).reason, (Date.now() - begin) / 1000]
	const failed = other.log.event('state', (e) => e.state === 'failed').then(() => (Date.now() - begin) / 1000)
	const [byNode, byPage, inPage] = await Promise.all([noticed(victim), noticed(page), failed])
	same([byNode[0], byPage[0]], ['lost', 'lost'], 'why they closed')
	check(byNode[1] < 45 && byPage[1] < 45, `it took ${byNode[1]} s and ${byPage[1]} s`)
	same([await node.count(victim), await node.count(page)], [0, 0], 'nodes left')
	world.saw(`a node said lost after ${byNode[1]} s of a killed node, ${byPage[1]} s of a killed browser; a page said failed after ${inPage} s`)
}

export const cases = [{ name: 'killed-without-a-word', run: killed, waits: true }]
