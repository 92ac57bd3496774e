/* crc32.h - the checksum of a spool record: CRC-32 as in IEEE 802.3. Finds accidents, not forgers. */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, which is 0 at the start. Thread-safe. */
uint32_t crc32_update(uint32_t crc, const void *bytes, size_t size);

#endif
