// SPDX-License-Identifier: MIT
// @roamhq/wrtc (libwebrtc inside Node) as one end of a measured connection; all defaults.
import { createRequire } from 'node:module'
import { run } from './peer_js.mjs'

const { RTCPeerConnection } = createRequire(new URL('../tests/interop/package.json', import.meta.url))('@roamhq/wrtc')

const kept = new Array(32768)
let at = 0

function wrap(dc) {
	dc.binaryType = 'arraybuffer'
	const channel = {
		opened() {},
		closed() {},
		send: (bytes) => dc.send((kept[at++ % kept.length] = bytes.slice())), // it reads them later
		text: (string) => dc.send(string),
		buffered: () => dc.bufferedAmount,
		isOpen: () => dc.readyState === 'open',
		low(bytes, then) {
			setInterval(() => dc.readyState === 'open' && dc.bufferedAmount <= bytes && then(), 2) // its event never comes
		},
	}
	dc.onopen = () => channel.opened()
	dc.onclose = () => channel.closed()
	dc.onmessage = ({ data }) => channel.message(typeof data === 'string' ? data : new Uint8Array(data))
	return channel
}

run((hear) => {
	const pc = new RTCPeerConnection()
	const waiting = []
	let described = false
	const describe = async (description) => {
		await pc.setLocalDescription(description)
		hear.local(description.type, description.sdp)
	}
	pc.onicecandidate = ({ candidate }) => candidate && hear.candidate(candidate.candidate, candidate.sdpMid)
	pc.ondatachannel = ({ channel }) => hear.channel(wrap(channel))
	return {
		open() {
			const channel = wrap(pc.createDataChannel('bench'))
			pc.createOffer().then(describe)
			return channel
		},
		async remote(type, sdp) {
			await pc.setRemoteDescription({ type, sdp })
			described = true
			for (const candidate of waiting) pc.addIceCandidate(candidate)
			if (type === 'offer') describe(await pc.createAnswer())
		},
		candidate(text, mid) {
			const candidate = { candidate: text, sdpMid: mid, sdpMLineIndex: 0 }
			if (described) pc.addIceCandidate(candidate)
			else waiting.push(candidate)
		},
		close: () => pc.close(),
	}
})
