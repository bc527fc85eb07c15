/** A member remembers where it stands; -1 = on no list. */
export interface Member {
  place: number
}

/**
 * Those who are here now, in no order. To come and to go costs nothing and leaves nothing behind: the tables that a Map has
 * outgrown go on holding whom they listed until the next major collection, with all that hangs on a request.
 */
export class Roster<T extends Member> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  /** False = it was not here. */
  remove(member: T): boolean {
    const { place } = member
    if (this.#members[place] !== member) return false
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      this.#members[place] = last
      last.place = place
    }
    member.place = -1
    return true
  }

  /** As they are now: whoever looks at them may let them go. */
  all(): T[] {
    return [...this.#members]
  }
}
