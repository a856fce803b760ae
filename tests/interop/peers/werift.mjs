// SPDX-License-Identifier: MIT
import { RTCPeerConnection } from 'werift'
import { drive } from './driver.mjs'

const pc = new RTCPeerConnection({ iceServers: [] })
// Without servers it asks one on the internet and waits for that; as the DTLS server it ends a connection whose
// client does not offer SRTP, as no peer without media does. And it takes no Uint8Array.
const settle = () => {
	for (const t of pc.iceTransports) t.connection.stunServer = undefined
	for (const t of pc.dtlsTransports) t.srtpProfiles = []
}
const answer = pc.createAnswer.bind(pc)
pc.createAnswer = () => (settle(), answer())
const prepare = (channel) => {
	settle()
	const plain = channel.send.bind(channel)
	channel.send = (data) => plain(typeof data === 'string' ? data : Buffer.from(data))
	return channel
}
const create = pc.createDataChannel.bind(pc)
pc.createDataChannel = (label, options) => prepare(create(label, options))
drive(pc)
const incoming = pc.ondatachannel
pc.ondatachannel = ({ channel }) => incoming({ channel: prepare(channel) })
