// SPDX-License-Identifier: MIT
// What messages hold and how it is judged; runs in node and in browsers. rawpeer.c and with_aiortc.py have the same.
export const pattern = (size, seed) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) + seed) & 255)
export function letters(size, seed) {
	let text = ''
	for (let i = 0; i < size; i++) text += String.fromCharCode(97 + ((i * 7 + (i >> 8) + seed) % 26))
	return text
}
function sum(size, at, from = 1) {
	let h = from
	for (let i = 0; i < size; i++) h = (Math.imul(h, 31) + at(i)) | 0
	return h >>> 0
}
export const sumOfBytes = (bytes, from) => sum(bytes.length, (i) => bytes[i], from)
export const sumOfText = (text) => sum(text.length, (i) => text.charCodeAt(i))

// One of many: its number in four bytes, then bytes that follow from it.
export function numbered(size, number) {
	const bytes = new Uint8Array(size)
	for (let i = 4; i < size; i++) bytes[i] = (i * 7 + (i >> 8) + number) & 255
	new DataView(bytes.buffer).setUint32(0, number)
	return bytes
}

// Many of them as they come: how many, a sum over every byte, and what is wrong with them.
export class Count {
	constructor() {
		this.seen = new Set()
		this.last = -1
		Object.assign(this, { messages: 0, bytes: 0, sum: 1, twice: 0, late: 0, wrong: 0 })
	}
	take(bytes) {
		const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
		const expected = numbered(bytes.length, number)
		if (this.seen.has(number)) this.twice++
		if (number < this.last) this.late++
		if (!bytes.every((b, i) => b === expected[i])) this.wrong++
		this.seen.add(number)
		this.last = Math.max(this.last, number)
		this.messages++
		this.bytes += bytes.length
		this.sum = sumOfBytes(bytes, this.sum)
	}
	report() {
		const { messages, bytes, sum, twice, late, wrong, last } = this
		return { messages, bytes, sum, twice, late, wrong, last }
	}
}
