// SPDX-License-Identifier: MIT
// Within lab.sh: a host of each kind with one of each other, tulle with tulle, with Chromium, and Chromium's own pair
// beside them. Signaling is carried from outside, by the pipes of the peers. Each pairing must open, carry 64 KiB each
// way, and, with tulle at an end, do so without a relay wherever its NATs allow that. usage: pairs.mjs [FILTER...]: names that contain one of these.
import { check, pattern, same, sumOfBytes } from '../interop/lib.mjs'
import { Peer, signal } from '../interop/rawpeers.mjs'
import { finish, runCases, wanted } from './cases.mjs'

const v4 = ['public', 'full', 'restricted', 'cone', 'symmetric', 'tcp443']
const pairings = []
for (const [i, a] of v4.entries()) for (const b of v4.slice(i)) pairings.push([a, b])
for (const b of ['dual', 'six', ...v4]) pairings.push(['six', b])
pairings.push(['dual', 'dual'])

const serversOf = (kind) => {
	const host = kind === 'six' ? '[2001:db8::1]' : '203.0.113.1'
	const login = { username: 'ann', credential: 'secret' }
	return [{ urls: `stun:${host}` }, { urls: `turn:${host}`, ...login }, { urls: `turn:${host}:443?transport=tcp`, ...login }]
}
// tulle alone: Chromium does not take a certificate that no authority signed.
const withTls = (servers) => servers.map((s) => ({ ...s, urls: s.urls.replace(/^turn(:.*443).*/, 'turns$1') }))

// How many of the two ends need a relay of their own, where both ask for one IPv4 address of their server's. Towards a
// mapping that is new for each destination, who lets in by address and port does not know the port (RFC 5128, 3.4).
function relaysNeeded(a, b) {
	const kinds = [a, b]
	const of = (wanted) => kinds.filter((k) => k === wanted).length
	if (of('tcp443')) return of('tcp443') + of('six')
	if (of('six') && v4.some(of)) return 1
	if (kinds.includes('symmetric') && kinds.every((k) => k === 'symmetric' || k === 'cone')) return 1
	return 0
}

async function pathOf(peer) {
	const mark = peer.log.mark
	await peer.must({ do: 'path' })
	return peer.log.event('path', () => true, mark)
}
const told = (path) => `${path.local}-${path.remote}`
const relays = (paths) => paths.filter((p) => p.local === 'relay').length

// The pair in use may become better for a while after it opened: Chromium, when it controls, takes its time.
async function settled(peers, needed) {
	for (let i = 0; ; i++) {
		const paths = await Promise.all(peers.map(pathOf))
		if (relays(paths) === needed || needed > 0 || i === 150) return paths
		await new Promise((resolve) => setTimeout(resolve, 100))
	}
}

async function carry(from, to, numbers, seed) {
	const mark = to.log.mark
	await from.must({ do: 'bytes', channel: numbers[from.log.name], size: 65536, seed })
	const message = await to.log.event('message', () => true, mark, 20)
	same([message.length, message.sum], [65536, sumOfBytes(pattern(65536, seed))], `what ${to.log.name} got`)
}

async function run(one, peers) {
	for (const [i, side] of ['a', 'b'].entries()) {
		const servers = serversOf(one.kinds[i])
		const within = ['ip', 'netns', 'exec', `${side}-${one.kinds[i]}`]
		const peer = new Peer(one.who[i], { within, servers: one.who[i] === 'tulle' ? withTls(servers) : servers })
		peer.log.name = `${side} ${one.who[i]}`
		peers.push(peer)
	}
	const [a, b] = peers
	await b.act({ do: 'path' }) // it is up: a browser takes a while
	await a.must({ do: 'channel', label: 'first' })
	const begun = performance.now()
	await signal(a, b)
	const of = (peer, event) => peer.log.event(event, (e) => e.label === 'first', 0, 30)
	const [mine, theirs] = await Promise.all([of(a, 'open'), of(b, 'channel')])
	const numbers = { [a.log.name]: mine.channel, [b.log.name]: theirs.channel }
	const took = (one.took = Math.round(performance.now() - begun))
	const needed = relaysNeeded(...one.kinds)
	const first = (await Promise.all(peers.map(pathOf))).map(told).join(' ')
	await carry(a, b, numbers, 1)
	await carry(b, a, numbers, 2)
	const paths = await settled(peers, needed)
	const last = paths.map(told).join(' ')
	const sight = `open after ${took} ms, path ${first}${last === first ? '' : `, then ${last}`}`
	if (one.who.includes('tulle')) check(relays(paths) >= needed, `${sight}: no NAT of these kinds lets that through`)
	// From two relays to one nobody moves: RFC 8445 ends with the first pair that is nominated.
	if (relays(paths) > needed && needed > 0) return `${sight} (one relay would do)`
	if (one.who.includes('tulle')) check(relays(paths) === needed, `${sight}: no relay is needed`)
	return sight
}

const cases = []
for (const who of [['tulle', 'tulle'], ['tulle', 'chromium'], ['chromium', 'tulle'], ['chromium', 'chromium']])
	for (const kinds of pairings) cases.push({ who, kinds, name: `${who.join(' to ')}: ${kinds.join(' and ')}` })
const { chosen, ...ran } = await runCases(cases, run)
let failed = ran.failed
// Beside each other, over the same pairings in the same run: tulle's own pair is not to take longer than Chromium's.
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1]
let judged = 0
for (const [way, fits] of Object.entries({ direct: (n) => n === 0, relayed: (n) => n > 0 })) {
	const medians = {}
	for (const who of new Set(chosen.map((c) => c.who.join(' to ')))) {
		const of = chosen.filter((c) => c.who.join(' to ') === who && c.took !== undefined && fits(relaysNeeded(...c.kinds)))
		if (of.length === 0) continue
		medians[who] = median(of.map((c) => c.took))
		console.log(`open, ${way}, ${who}: median ${medians[who]} ms, longest ${Math.max(...of.map((c) => c.took))} ms of ${of.length}`)
	}
	const [ours, theirs] = [medians['tulle to tulle'], medians['chromium to chromium']]
	if (wanted.length !== 0 || ours === undefined || theirs === undefined) continue
	judged++
	if (ours > theirs) failed++
	console.log(`${ours > theirs ? 'FAIL' : 'ok  '} time to connect, ${way}: ${ours} ms beside Chromium's ${theirs} ms`)
}
finish(chosen.length + judged, failed)
