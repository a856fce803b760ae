// SPDX-License-Identifier: MIT
// libdatachannel's own interface in the shape of RTCPeerConnection.
import nodeDataChannel from 'node-datachannel'
import { drive } from './driver.mjs'

class Channel {
	constructor(dc) {
		this.dc = dc
		this.label = dc.getLabel()
		dc.onOpen(() => this.onopen())
		dc.onClosed(() => this.onclose())
		dc.onMessage((data) => this.onmessage({ data }))
	}
	send(data) {
		const sent = typeof data === 'string' ? this.dc.sendMessage(data) : this.dc.sendMessageBinary(Buffer.from(data))
		if (!sent && this.dc.bufferedAmount() === 0) throw new Error('not sent')
	}
	get bufferedAmount() {
		return this.dc.bufferedAmount()
	}
	close() {
		this.dc.close()
	}
}

class Connection {
	constructor() {
		this.pc = new nodeDataChannel.PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true, bindAddress: '10.77.0.1' })
		this.pc.onLocalCandidate((candidate, sdpMid) => this.onicecandidate({ candidate: { candidate, sdpMid } }))
		this.pc.onStateChange((state) => ((this.connectionState = state), this.onconnectionstatechange()))
		this.pc.onDataChannel((dc) => this.ondatachannel({ channel: new Channel(dc) }))
	}
	createDataChannel(label, { ordered = true, ...limits } = {}) {
		return new Channel(this.pc.createDataChannel(label, { unordered: !ordered, ...limits }))
	}
	createOffer() {
		return { type: 'offer' }
	}
	createAnswer() {
		return { type: 'answer' }
	}
	setLocalDescription({ type }) {
		return new Promise((resolve) => {
			this.pc.onLocalDescription((sdp, said) => ((this.localDescription = { sdp, type: said }), resolve()))
			this.pc.setLocalDescription(type)
		})
	}
	setRemoteDescription({ type, sdp }) {
		this.pc.setRemoteDescription(sdp, type)
	}
	addIceCandidate({ candidate, sdpMid }) {
		if (candidate !== '') this.pc.addRemoteCandidate(candidate, sdpMid)
	}
	close() {
		this.pc.close()
	}
}

drive(new Connection())
