// SPDX-License-Identifier: MIT
/**
 * @file Listeners, and one queue of events for a whole root, so that all that is said about a node
 * comes in one order, and never from inside a call of the user.
 */

/** The README of the original says 'array buffer' where its code says 'arraybuffer': both are heard. */
const nameOf = (event) => (event === 'array buffer' ? 'arraybuffer' : event)

export class Emitter {
	#listeners = new Map()

	/**
	 * @param {string} event
	 * @param {(...args: any[]) => void} listener
	 * @returns {this}
	 */
	on(event, listener) {
		if (typeof listener !== 'function') throw new TypeError('a listener is a function')
		const name = nameOf(event)
		this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener])
		return this
	}

	/**
	 * @param {string} event
	 * @param {(...args: any[]) => void} [listener] none: all of this event
	 * @returns {this}
	 */
	removeListener(event, listener) {
		const name = nameOf(event)
		const left = listener === undefined ? [] : (this.#listeners.get(name) ?? []).filter((l) => l !== listener)
		this.#listeners.set(name, left)
		return this
	}

	/** One that is removed meanwhile is not called any more; what one throws does not stop the others. */
	emit(event, ...args) {
		for (const listener of this.#listeners.get(event) ?? []) {
			if (!this.#listeners.get(event).includes(listener)) continue
			try {
				listener.apply(this, args)
			} catch (error) {
				reportError(error)
			}
		}
	}
}

export class Queue {
	#items = []
	#running = false

	/** @param {() => void} item runs soon, after all that came before it */
	push(item) {
		this.#items.push(item)
		if (this.#running) return
		this.#running = true
		queueMicrotask(() => {
			for (let at = 0; at < this.#items.length; at++) this.#items[at]()
			this.#items = []
			this.#running = false
		})
	}
}
