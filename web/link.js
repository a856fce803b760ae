// SPDX-License-Identifier: MIT
/**
 * @file One peer connection under a node. P's channel rule: each side makes one channel `p`; what is
 * sent goes on the one that the other side made, what comes is taken from both; open when the other's
 * opens. A link that was dropped is silent: each step that waited looks at `dropped` first.
 */
import { ANSWER, CANDIDATE, MARK, OFFER } from './wire.js'

export class Link {
	/**
	 * @param {LinkOwner} owner hears opened(link), ended(link, reason), hear(link, data), tell(link, inner)
	 * @param {object} via the node through which this attempt goes; what comes through another is not for it
	 * @param {boolean} offerer
	 * @param {RTCConfiguration | undefined} rtcConfiguration
	 */
	constructor(owner, via, offerer, rtcConfiguration) {
		this.owner = owner
		this.via = via
		this.offerer = offerer
		this.answered = !offerer // an answer came (the offerer's side)
		this.sdp = null // of our offer
		this.remote = null
		this.dropped = false
		this.held = offerer ? [] : null // our candidates, until we know who is there
		this.pc = new RTCPeerConnection(rtcConfiguration)
		this.own = this.pc.createDataChannel('p', { protocol: 'p' })
		this.#watch(this.own)
		this.pc.ondatachannel = ({ channel }) => this.#announced(channel)
		this.pc.onicecandidate = ({ candidate }) => candidate && this.#found(candidate)
		this.pc.onconnectionstatechange = () => this.#stateChanged()
	}

	async offer(offerData) {
		const description = await this.pc.createOffer()
		if (this.dropped) return
		this.sdp = description.sdp
		await this.pc.setLocalDescription(description)
		if (!this.dropped) this.owner.tell(this, [OFFER, { sdp: description.sdp, type: 'offer' }, offerData, MARK])
	}

	/** Candidates that come meanwhile wait in the connection's own queue behind the description. */
	async answer(description) {
		this.held = []
		await this.pc.setRemoteDescription(description)
		const answer = await this.pc.createAnswer()
		await this.pc.setLocalDescription(answer)
		if (this.dropped) return
		this.owner.tell(this, [ANSWER, { sdp: answer.sdp, type: 'answer' }, MARK])
		this.#release()
	}

	async takeAnswer(description) {
		this.answered = true
		await this.pc.setRemoteDescription(description)
		this.#release()
	}

	/** @returns {Promise<void>} rejects when the browser refuses it */
	takeCandidate(candidate) {
		return this.pc.addIceCandidate(candidate)
	}

	get isOpen() {
		return this.remote !== null && this.remote.readyState === 'open'
	}

	/** Largest message in bytes. */
	get sendMax() {
		return Math.min(this.pc.sctp?.maxMessageSize ?? 65536, 262144)
	}

	drop() {
		this.dropped = true
		this.pc.close()
	}

	#found(candidate) {
		if (this.held !== null) this.held.push(candidate)
		else this.#send(candidate)
	}
	/**
	 * Without its extensions: in glare an original hands candidates of one attempt to the other, and Chromium
	 * takes a strange ufrag in the text for a restart.
	 */
	#send(candidate) {
		const text = candidate.candidate.split(' generation ')[0]
		const { sdpMid, sdpMLineIndex, usernameFragment } = candidate
		if (!this.dropped) this.owner.tell(this, [CANDIDATE, { candidate: text, sdpMid, sdpMLineIndex, usernameFragment }])
	}
	#release() {
		const held = this.held ?? []
		this.held = null
		for (const candidate of held) this.#send(candidate)
	}

	#watch(channel) {
		channel.binaryType = 'arraybuffer'
		channel.onmessage = ({ data }) => this.dropped || this.owner.hear(this, data)
		channel.onclose = () => this.#end('remote')
	}

	#announced(channel) {
		if (this.remote !== null || this.dropped) return
		this.remote = channel
		this.#watch(channel)
		const opened = () => this.dropped || this.owner.opened(this)
		if (channel.readyState === 'open') opened()
		else channel.onopen = opened
	}

	#stateChanged() {
		const state = this.pc.connectionState
		if (state === 'failed') this.#end(this.remote !== null ? 'lost' : 'no_path')
		if (state === 'closed') this.#end('remote')
	}

	#end(reason) {
		if (!this.dropped) this.owner.ended(this, reason)
	}
}
