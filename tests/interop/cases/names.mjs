// SPDX-License-Identifier: MIT
// Host candidates with names of multicast DNS in the place of addresses: each side's resolved by the other, which alone
// can make the connection: the other direction's candidates are kept back.
import { check, same } from '../lib.mjs'
import { open, Peer, trickle } from '../rawpeers.mjs'

const NAME = /^a?=?candidate:\S+ 1 udp \d+ [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.local \d+ typ host/i
const isCandidate = (line) => /^a=(candidate|end-of-candidates)/.test(line)
const linesOf = (sdp) => sdp.split(/\r?\n/).filter((l) => l !== '')

// told: who is to resolve what the other one says.
async function resolves(world, library, tulleIsTold) {
	const tulle = world.owns(new Peer(tulleIsTold ? 'tulle' : 'tulle-hidden'))
	const other = world.owns(new Peer(library))
	world.members.push(tulle, other)
	const [told, teller] = tulleIsTold ? [tulle, other] : [other, tulle]
	const without = (sdp, to) => (to === told ? sdp : linesOf(sdp).filter((l) => !isCandidate(l)).join('\r\n') + '\r\n')
	await tulle.must({ do: 'channel', label: 'first' })
	await tulle.must({ do: 'offer' })
	const offer = await tulle.log.event('description')
	await other.must({ do: 'remote', type: 'offer', sdp: without(offer.sdp, other) })
	const answer = await other.log.event('description')
	await tulle.must({ do: 'remote', type: 'answer', sdp: without(answer.sdp, tulle) })
	trickle(teller, told).catch(() => {})
	await open(tulle, other, 'first', true)
	const sdp = teller === tulle ? offer.sdp : answer.sdp
	const said = [...linesOf(sdp).filter((l) => l.startsWith('a=candidate')),
		...teller.log.items.filter((e) => e.event === 'candidate').map((e) => e.candidate)].filter((l) => / udp /i.test(l))
	check(said.length > 0, `${teller.log.name} said no candidate`)
	same(said.filter((l) => !NAME.test(l)), [], `what of ${teller.log.name} has no name`)
	check(!/10\.77\.|fd77:/.test(sdp), 'no address in the description')
	world.saw(`${told.log.name} resolved ${said.length} of ${teller.log.name}: ${said[0].slice(0, 90)}`)
}

export const cases = []
for (const library of ['chromium', 'firefox'])
	for (const theirs of [true, false])
		cases.push({ name: `names-${library}-${theirs ? 'theirs' : 'ours'}`, run: (world) => resolves(world, library, theirs) })
