import { type BinaryLike, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { RandomSource } from '../credentials.ts'

/** What a hash costs: RFC 7914's parameters, N as its logarithm. It takes 128 · 2^ln · r bytes of memory. */
export interface ScryptCost {
  readonly ln: number
  readonly r: number
  readonly p: number
}

/**
 * One of OWASP's equal choices for scrypt: 32 MiB and some 0.3 s of one core. The one of 128 MiB costs an attacker the
 * same, and this server four times the memory.
 */
export const defaultCost: ScryptCost = { ln: 15, r: 8, p: 3 }

const saltBytes = 16
const keyBytes = 32
/** More at once would take the threads that Node reads files and names with. */
const maxRunning = 2
const maxWaiting = 50

/** More passwords wait for their hashing than can be hashed in a reasonable time. */
export class HasherOverloaded extends Error {
  constructor() {
    super('too many passwords wait to be hashed')
    this.name = 'HasherOverloaded'
  }
}

const deriveKey = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt)

/**
 * Hashes passwords by scrypt (RFC 7914), a few at a time. A stored hash is a PHC string, `$scrypt$ln=15,r=8,p=3$salt$key`
 * in base64 without padding, so that hashes of an older cost can still be checked.
 */
export class PasswordHasher {
  readonly #random: RandomSource
  readonly #cost: ScryptCost
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(random: RandomSource, cost = defaultCost) {
    this.#random = random
    this.#cost = cost
  }

  /** Throws {@link HasherOverloaded}. */
  async hash(password: string): Promise<string> {
    const salt = Buffer.from(this.#random(saltBytes))
    return format(this.#cost, salt, await this.#derive(password, salt, this.#cost))
  }

  /**
   * Whether a password is the one that was hashed. Without a hash the answer is no, and takes as long as for one of
   * today's cost. Throws {@link HasherOverloaded}.
   */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const parsed = stored === null ? undefined : parse(stored)
    const { cost, salt, key } = parsed ?? { cost: this.#cost, salt: nobodysSalt, key: nobodysKey }
    const derived = await this.#derive(password, salt, cost)
    return timingSafeEqual(derived, key) && parsed !== undefined
  }

  /** Whether a hash is of another cost than new ones: whoever has the password then hashes it anew. */
  isOutdated(stored: string): boolean {
    const cost = parse(stored)?.cost
    return cost?.ln !== this.#cost.ln || cost.r !== this.#cost.r || cost.p !== this.#cost.p
  }

  async #derive(password: string, salt: Buffer, { ln, r, p }: ScryptCost): Promise<Buffer> {
    await this.#takeTurn()
    try {
      const options = { N: 2 ** ln, r, p, maxmem: 129 * 2 ** ln * r + 1_024 * r * p + 1_048_576 }
      // Keyboards compose signs differently (NIST SP 800-63B §3.1.1.2).
      return await deriveKey(password.normalize('NFKC'), salt, keyBytes, options)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#running >= maxRunning) {
      if (this.#waiting.length >= maxWaiting) throw new HasherOverloaded()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running += 1
  }
}

const nobodysSalt = Buffer.alloc(saltBytes)
const nobodysKey = Buffer.alloc(keyBytes)

interface ParsedHash {
  readonly cost: ScryptCost
  readonly salt: Buffer
  readonly key: Buffer
}

function format({ ln, r, p }: ScryptCost, salt: Buffer, key: Buffer): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${toBase64(salt)}$${toBase64(key)}`
}

function toBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

/** What a hash that was made elsewhere looks like, for error texts and documents. */
export const passwordHashRule =
  'must be a PHC string of scrypt, $scrypt$ln=15,r=8,p=3$SALT$KEY, with a salt of 16 bytes at least and a key of 32 in base64 without padding, ln up to 18, r and p up to 16'

/** Whether a text is a hash that {@link PasswordHasher.verify} can hold passwords against. */
export function isPasswordHash(text: string): boolean {
  return (parse(text)?.salt.length ?? 0) >= saltBytes
}

/** `undefined` for what is no such hash, or one of a cost that this server will not pay. */
function parse(stored: string): ParsedHash | undefined {
  const [, ln, r, p, salt = '', key = ''] =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{4,86})\$([A-Za-z0-9+/]{43})$/.exec(
      stored,
    ) ?? []
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) }
  if (!(cost.ln >= 1 && cost.ln <= 18 && cost.r >= 1 && cost.r <= 16 && cost.p >= 1 && cost.p <= 16))
    return undefined
  return { cost, salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') }
}
