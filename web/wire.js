// SPDX-License-Identifier: MIT
/**
 * @file P's messages as text, read and written, and who wins when two tulle nodes offer at once.
 * Nothing here keeps state; what is not one of P's messages reads as null.
 */

export const DIRECT = 0, OFFER = 3, ANSWER = 4, CANDIDATE = 5, RELAY = 6, RELAYED = 7

/** Stands behind our offers and answers: an original ignores it, a tulle node knows one by it. */
export const MARK = { tulle: 1 }

const encoder = new TextEncoder()

/**
 * @param {unknown} address
 * @returns {boolean} 1 to 255 bytes of UTF-8 without NUL
 */
export function isAddress(address) {
	if (typeof address !== 'string' || address.length === 0 || address.length > 255 || address.includes('\0')) return false
	const bytes = encoder.encode(address)
	return bytes.length <= 255 && new TextDecoder().decode(bytes) === address // no lone surrogates
}

/**
 * The inner part of a relay, as it was written: a relay forwards it untouched.
 * @param {string} text of a message that has exactly three elements
 */
const innerText = (text) => text.match(/^\s*\[\s*[0-9]+\s*,\s*"(?:[^"\\]|\\.)*"\s*,([\s\S]*)\]\s*$/)?.[1]

/**
 * @param {string} text one frame
 * @returns {null | {type: 0, value: any} | {type: 6|7, address: string, inner: any, raw: string}}
 *   raw: inner as text
 */
export function readMessage(text) {
	let list
	try {
		list = JSON.parse(text)
	} catch {
		return null
	}
	if (!Array.isArray(list)) return null
	const [type, second, inner] = list
	if (type === DIRECT) return list.length > 1 ? { type, value: second } : null
	if ((type !== RELAY && type !== RELAYED) || !isAddress(second) || list.length < 3) return null
	const raw = (list.length === 3 ? innerText(text) : undefined) ?? JSON.stringify(inner)
	return { type, address: second, inner, raw }
}

const isDescription = (d, type) => typeof d === 'object' && d !== null && d.type === type && typeof d.sdp === 'string'

/**
 * @param {any} inner what stands in a relayed message
 * @returns {null | {type: 3|4, description: RTCSessionDescriptionInit, offerData: any, tulle: boolean}
 *   | {type: 5, candidate: RTCIceCandidateInit}}
 */
export function readInner(inner) {
	if (!Array.isArray(inner)) return null
	const [type, body, third, fourth] = inner
	const marked = (mark) => typeof mark === 'object' && mark !== null && mark.tulle === 1
	if (type === OFFER && isDescription(body, 'offer'))
		return { type, description: body, offerData: third ?? null, tulle: marked(fourth) }
	if (type === ANSWER && isDescription(body, 'answer'))
		return { type, description: body, offerData: null, tulle: marked(third) }
	if (type === CANDIDATE && typeof body === 'object' && body !== null && typeof body.candidate === 'string')
		return { type, candidate: body }
	return null
}

/**
 * @param {string} address
 * @param {any[]} inner
 */
export const writeRelay = (address, inner) => JSON.stringify([RELAY, address, inner])

/** The first fingerprint's bytes (32 of them, as hex: it sorts alike), the ufrag and the password. */
function rankOf(sdp) {
	const value = (name) => sdp.match(new RegExp(`^a=${name}:(.*?)\\s*$`, 'm'))?.[1] ?? ''
	const fingerprint = value('fingerprint').split(/\s+/)[1] ?? ''
	return [fingerprint.toUpperCase().slice(0, 32 * 3 - 1), value('ice-ufrag'), value('ice-pwd')]
}

/**
 * Both sides see both offers, so both know which one stands: the greater.
 * @param {string} ours SDP
 * @param {string} theirs SDP
 * @returns {boolean} theirs is greater
 */
export function theirsWins(ours, theirs) {
	const [a, b] = [rankOf(ours), rankOf(theirs)]
	const at = a.findIndex((part, i) => part !== b[i])
	return at >= 0 && a[at] < b[at]
}

/** @param {string} text @returns {number} its bytes in UTF-8 */
export const byteLength = (text) => encoder.encode(text).length
