// SPDX-License-Identifier: MIT
/**
 * @file P's API for browsers: a mesh of data channels in which every connected peer can introduce two
 * others. Speaks with the original P and with tulle's nodes; no build step, no dependency.
 *
 *     import { create } from './tulle.js'
 *     const root = create({ firewall: (description, offerData) => offerData === 'secret' })
 *     root.on('connection', (peer) => peer.on('open', () => peer.send({ hello: peer.address })))
 *     const onramp = root.connect('ws://127.0.0.1:20500/')
 *     onramp.on('message', (address) => onramp.connect({ address, offerData: 'secret' }))
 *
 * Events of one node come in this order: connection (on the root, then on the node it came through),
 * open, message, arraybuffer and error, disconnection (likewise), close (once, with a reason); then none.
 */
import { Emitter, Queue } from './events.js'
import { Link } from './link.js'
import { ANSWER, byteLength, CANDIDATE, DIRECT, isAddress, OFFER, readInner, readMessage, RELAY, RELAYED, theirsWins,
	writeRelay } from './wire.js'

const CONNECT_MS = 30000
const NODES_MAX = 256
const WAITING_MAX = 65536 // bytes that wait for a node to open
const EARLY_MAX = 1 << 20 // bytes that came on a channel before the node was open
const RELAY_PER_S = 65536 // bytes that are relayed for one node, four seconds of it at once
const HELD_MS = 10000
const LATE_MAX = 16 // candidates kept for an offer that waits

const sizeOf = (data) => (typeof data === 'string' ? data.length : data.byteLength)
const isUrl = (address) => /^wss?:\/\//i.test(address)

/**
 * @typedef {object} ConnectOptions
 * @property {string} [address]
 * @property {any} [offerData] what the other side's firewall is shown: one JSON value (null)
 * @property {Firewall} [firewall] for the nodes that come through this one (the parent's)
 * @property {RTCConfiguration} [rtcConfiguration] (the parent's)
 */
/**
 * @callback Firewall
 * @param {RTCSessionDescriptionInit} description
 * @param {any} offerData null when there was none
 * @param {{via: Node, from: string}} about from: the relay's word, no proof
 * @returns {boolean | Promise<boolean>} false: refused, which is silence
 */

/** What root and nodes share: a place to connect from. */
class Place extends Emitter {
	/** @returns {Node[]} all nodes of the root, oldest first, WebSockets too */
	getPeers() {
		return [...this.root.nodes.values()]
	}
	/** @param {string} address @returns {Node | undefined} */
	getPeer(address) {
		return this.root.nodes.get(address)
	}

	/**
	 * From the root: to an onramp's URL. From a node: to an address that it knows; it may still be
	 * connecting, the offer waits for it. To whom a node exists already: that node, unchanged.
	 * @param {string | ConnectOptions} target
	 * @param {ConnectOptions} [options]
	 * @returns {Node}
	 */
	connect(target, options = {}) {
		const wanted = typeof target === 'object' && target !== null ? target : { ...options, address: target }
		const { address } = wanted
		if (!isAddress(address)) throw new TypeError('an address is 1 to 255 bytes without NUL')
		if (this === this.root && !isUrl(address)) throw new SyntaxError(`not a ws:// or wss:// URL: ${address}`)
		if (this.state === 'closed') throw new Error('the node is gone')
		const there = this.root.nodes.get(address)
		if (there) return there
		if (this.root.nodes.size >= NODES_MAX) throw new Error(`there are ${NODES_MAX} nodes already`)
		return new Node(this, address, false, wanted).begin(wanted.offerData ?? null)
	}
}

/** What create() gives. */
export class Root extends Place {
	constructor({ firewall, rtcConfiguration } = {}) {
		super()
		this.root = this
		this.nodes = new Map() // by address, closed ones are not in it
		this.queue = new Queue()
		this.firewall = firewall
		this.rtcConfiguration = rtcConfiguration
		/** How often something was dropped, by reason. @type {Record<string, number>} */
		this.drops = {}
	}
	count(reason) {
		this.drops[reason] = (this.drops[reason] ?? 0) + 1
	}
	isOpen() {
		return true
	}
	/** Closes every node. */
	close() {
		for (const node of this.getPeers()) node.close()
	}
}

/** A connection: a WebSocket to an onramp, or a peer. */
export class Node extends Place {
	#links = [] // two at most: rivals that came over different relays
	#socket = null
	#waiting = []
	#waitingBytes = 0
	#early = []
	#earlyBytes = 0
	#timer
	#budget = { bytes: 4 * RELAY_PER_S, at: performance.now() }
	#deciding = new Map() // by address: candidates that came while a firewall thinks
	#openedAt = 0
	#held = null // an offer that came while we are open: perhaps our end is on the way
	#silent = false // closed by ourselves: nothing more of the middle events

	constructor(via, address, incoming, { firewall, rtcConfiguration } = {}) {
		super()
		/** @type {Root} */ this.root = via.root
		/** The node that introduced it; the root for an onramp. */ this.via = via
		/** @type {string} */ this.address = address
		/** Did the other side ask? */ this.incoming = incoming
		/** @type {'connecting' | 'open' | 'closed'} */ this.state = 'connecting'
		this.firewall = firewall ?? via.firewall
		this.rtcConfiguration = rtcConfiguration ?? via.rtcConfiguration
	}

	/** @returns {boolean} */
	isOpen() {
		return this.state === 'open'
	}

	/** @returns {number} bytes that were sent and have not left */
	get bufferedAmount() {
		return this.#socket?.bufferedAmount ?? this.#carrier()?.remote.bufferedAmount ?? 0
	}

	/**
	 * An ArrayBuffer or a view of one goes as it is, all else as JSON.
	 * Not open: an Error, as in P. Too long for the peer: a RangeError before anything is sent.
	 * @param {any} message
	 */
	send(message) {
		if (this.state !== 'open') throw new Error(`the node is ${this.state}, not open`)
		const binary = message instanceof ArrayBuffer || ArrayBuffer.isView(message)
		this.#write(binary ? message : JSON.stringify([DIRECT, message ?? null]))
	}

	/** At once, as P; what is not yet acknowledged may be lost. */
	close() {
		this.#silent = true
		this.end('local')
	}

	// -- what follows is for this module and link.js --------------------------------------------------

	begin(offerData) {
		if (this.via === this.root) this.#openSocket()
		else this.#addLink(this.via, true).offer(offerData).catch((e) => this.#failed(e))
		this.#announce()
		return this
	}

	#announce() {
		this.root.nodes.set(this.address, this)
		this.#timer = setTimeout(() => this.end(this.#links.some((l) => l.answered) ? 'no_path' : 'no_answer'), CONNECT_MS)
		this.#say('connection', this.via)
	}

	#say(event, via) {
		const { root, incoming } = this
		root.queue.push(() => root.emit(event, this, { incoming }))
		if (via !== root) root.queue.push(() => via.state !== 'closed' && via.emit(event, this, { incoming }))
	}
	#push(event, ...args) {
		this.root.queue.push(() => this.#silent || this.emit(event, ...args))
	}
	#error(text) {
		this.#push('error', new Error(text))
	}

	#openSocket() {
		this.#socket = new WebSocket(this.address, 'p')
		this.#socket.binaryType = 'arraybuffer'
		this.#socket.onopen = () => this.#setOpen()
		this.#socket.onmessage = ({ data }) => this.hear(null, data)
		this.#socket.onclose = ({ wasClean }) =>
			this.end(this.state === 'connecting' ? 'no_path' : wasClean ? 'remote' : 'lost')
	}

	#addLink(via, offerer) {
		const link = new Link(this, via, offerer, this.rtcConfiguration)
		this.#links.push(link)
		return link
	}
	#dropLink(link) {
		this.#links = this.#links.filter((l) => l !== link)
		link.drop()
	}
	#carrier() {
		return this.#links.find((l) => l.isOpen)
	}

	#write(data) {
		const to = this.#socket ?? this.#carrier()?.remote
		if (!to) throw new Error('the node is closing')
		const max = this.#socket ? Infinity : this.#carrier().sendMax
		const least = sizeOf(data)
		if (least > max || (typeof data === 'string' && least * 3 > max && byteLength(data) > max))
			throw new RangeError(`the message is longer than ${max} bytes`)
		to.send(data)
	}

	/** A text of ours for the network: now, or when the node is open. */
	later(text) {
		if (this.state === 'closed') return
		if (this.state === 'open') {
			try {
				this.#write(text)
			} catch (e) {
				this.#error(`a relayed message could not be sent: ${e.message}`)
			}
		} else if (this.#waitingBytes + text.length > WAITING_MAX) {
			this.#error('too much waits for this node')
		} else {
			this.#waiting.push(text)
			this.#waitingBytes += text.length
		}
	}

	#setOpen() {
		if (this.state !== 'connecting') return
		clearTimeout(this.#timer)
		this.state = 'open'
		this.#openedAt = performance.now()
		this.#push('open')
		const [waiting, early] = [this.#waiting, this.#early]
		this.#waiting = []
		this.#early = []
		for (const text of waiting) this.later(text)
		for (const data of early) this.hear(null, data)
	}

	end(reason) {
		if (this.state === 'closed') return
		clearTimeout(this.#timer)
		this.state = 'closed'
		this.root.nodes.delete(this.address) // the address is free again at once
		for (const link of [...this.#links]) this.#dropLink(link)
		if (this.#socket) this.#socket.close()
		this.#waiting = []
		this.#early = []
		for (const node of this.root.getPeers()) node.relayGone(this)
		this.#say('disconnection', this.via)
		this.root.queue.push(() => this.emit('close', reason))
		if (this.#held && reason !== 'local') this.#takeHeld(this.#held)
	}
	/**
	 * Of one who ended the old connection and came back; not one that crossed what opened that. On one relay a
	 * tulle node's offer cannot have: it went before its answer. Of others the one nearer to the end is taken.
	 */
	#takeHeld({ via, inner, late, since }) {
		const ordered = inner.tulle && via === this.via
		const limit = ordered ? HELD_MS : Math.min(HELD_MS, since - this.#openedAt)
		if (performance.now() - since < limit) via.#decided(this.address, inner, true, late)
	}

	/** Attempts that this relay was introducing cannot be answered any more. */
	relayGone(via) {
		if (this.state !== 'connecting') return
		for (const link of this.#links.filter((l) => l.via === via && !l.answered)) this.#without(link, 'no_answer')
	}
	#without(link, reason) {
		this.#dropLink(link)
		if (this.#links.length === 0) this.end(reason)
	}
	#failed(error, link = null) {
		if (this.state === 'closed' || (link && link.dropped)) return
		this.#error(error.message)
		if (link) this.#without(link, 'protocol')
		else this.end('protocol')
	}

	// -- of a link ------------------------------------------------------------------------------------

	tell(link, inner) {
		link.via.later(writeRelay(this.address, inner))
	}
	/** The first link that opens stays; its rival goes. */
	opened(link) {
		for (const other of this.#links.filter((l) => l !== link)) this.#dropLink(other)
		if (this.state === 'connecting') this.via = link.via
		this.#setOpen()
	}
	ended(link, reason) {
		this.#without(link, reason)
	}

	/** A text or a buffer that came. */
	hear(link, data) {
		if (this.state === 'connecting' && link) {
			this.#early.push(data) // nothing is delivered before open
			this.#earlyBytes += sizeOf(data)
			if (this.#earlyBytes > EARLY_MAX) this.end('limit')
		} else if (this.state === 'open') {
			if (typeof data === 'string') this.#read(data)
			else this.#push('arraybuffer', data)
		}
	}

	#read(text) {
		const message = readMessage(text)
		if (message === null) this.root.count('p_syntax')
		else if (message.type === DIRECT) this.#push('message', message.value)
		else if (message.type === RELAY) this.#relay(message)
		else if (message.type === RELAYED) this.#relayed(message)
	}

	// -- introducing others -----------------------------------------------------------------------------

	#relay({ address, raw }) {
		const to = this.root.nodes.get(address)
		if (!to || to === this || to.#socket || this.#socket) {
			this.root.count('p_relay_unknown')
			this.#error('asked to relay to an address that is not here')
		} else if (!this.#spend(raw.length)) {
			this.root.count('p_relay_budget')
		} else {
			to.later(`[${RELAYED},${JSON.stringify(this.address)},${raw}]`)
		}
	}

	#spend(bytes) {
		const now = performance.now()
		const earned = ((now - this.#budget.at) * RELAY_PER_S) / 1000
		this.#budget = { bytes: Math.min(4 * RELAY_PER_S, this.#budget.bytes + earned), at: now }
		if (bytes > this.#budget.bytes) return false
		this.#budget.bytes -= bytes
		return true
	}

	// -- being introduced -------------------------------------------------------------------------------

	#relayed({ address, inner: body }) {
		const inner = readInner(body)
		const node = this.root.nodes.get(address)
		if (inner === null) this.root.count('p_syntax')
		else if (inner.type === OFFER) this.#judge(address, inner)
		else if (inner.type === ANSWER) this.#takeAnswer(node, inner.description)
		else if (inner.type === CANDIDATE) this.#takeCandidate(address, node, inner.candidate)
	}

	/** The firewall may take its time; candidates wait for it. */
	#judge(from, inner) {
		let verdict = true
		try {
			if (this.firewall) verdict = this.firewall(inner.description, inner.offerData, { via: this, from })
		} catch (error) {
			reportError(error)
			verdict = false
		}
		if (!(verdict instanceof Promise)) return this.#decided(from, inner, verdict, [])
		const late = []
		this.#deciding.set(from, late)
		verdict
			.catch((error) => (reportError(error), false))
			.then((v) => {
				if (this.#deciding.get(from) === late) this.#deciding.delete(from)
				this.#decided(from, inner, v, late)
			})
	}

	#decided(from, inner, verdict, late) {
		const node = this.root.nodes.get(from)
		if (this.state !== 'open') return
		if (!verdict) return this.root.count('p_firewall') // silence, as in P
		if (node) return node.collide(this, inner, late)
		if (this.root.nodes.size >= NODES_MAX) return this.root.count('limit')
		const peer = new Node(this, from, true)
		peer.#announce()
		peer.#answer(this, inner.description, late)
	}

	#answer(via, description, late) {
		const link = this.#addLink(via, false)
		link.answer(description).catch((e) => this.#failed(e, link))
		for (const candidate of late) this.#feed(link, candidate)
	}
	#feed(link, candidate) {
		link.takeCandidate(candidate).catch(() => this.root.count('ice_candidate'))
	}

	/** An offer from an address to which this node exists: one connection is to come out of it. */
	collide(via, inner, late) {
		if (this.state === 'open') {
			this.#held = { via, inner, late, since: performance.now() }
			return
		}
		const older = this.#links.find((l) => !l.offerer && l.via === via) // its sender has given that up
		const ours = this.#links.find((l) => l.offerer && (inner.tulle || l.via === via))
		const rival = !inner.tulle && !ours && this.#links.length < 2 && !this.#links.some((l) => l.via === via)
		if (!older && !rival && (!ours || !this.#isTheirs(ours, inner))) return this.root.count('p_glare')
		if (older) this.#dropLink(older)
		this.#answer(via, inner.description, late)
		if (ours) this.#dropLink(ours)
	}
	/** An original that offers before it answered ours holds its own attempt for the one that counts. */
	#isTheirs(ours, inner) {
		if (!inner.tulle) return !ours.answered
		return ours.sdp === null || theirsWins(ours.sdp, inner.description.sdp)
	}

	/** Only through the node by which the attempt was made. */
	#takeAnswer(node, description) {
		const link = node?.#links.find((l) => l.offerer && l.via === this)
		if (!link || link.answered) {
			const elsewhere = !link && node?.#links.some((l) => l.offerer)
			return this.root.count(elsewhere ? 'p_other_relay' : 'p_no_attempt')
		}
		link.takeAnswer(description).catch((e) => node.#failed(e, link))
	}
	#takeCandidate(from, node, candidate) {
		const link = node?.#links.find((l) => l.via === this)
		const held = node?.#held?.via === this ? node.#held.late : undefined
		const late = this.#deciding.get(from) ?? held
		if (late && late.length < LATE_MAX) late.push(candidate)
		else if (link && link.answered) this.#feed(link, candidate)
		else this.root.count(node && !link ? 'p_other_relay' : 'p_no_attempt')
	}
}

/**
 * @param {{firewall?: Firewall, rtcConfiguration?: RTCConfiguration}} [options] no firewall: all are accepted
 * @returns {Root}
 */
export const create = (options) => new Root(options)
