"""Spool segments, read and written by the words of plugin/spool.h alone."""
import dataclasses
import struct
import zlib

SEGMENT = struct.Struct('=8sIIQ16s40sqIIII')  # magic, version, pid, writer, id, boot, created, sequence, unused, salt, crc
RECORD = struct.Struct('=IIIIQqq')  # magic, size, crc, kind, ticket, monotonic, wall
CRC_SIZE = 4
CHANGE, END, CLOSED = 1, 2, 3


@dataclasses.dataclass
class Record:
    kind: int
    ticket: int
    monotonic_us: int
    wall_us: int
    payload: bytes


class Segment:
    """A segment's file, to be changed and written again, with checksums that are right."""

    def __init__(self, path):
        self.path = path
        data = path.read_bytes()
        (self.magic, self.version, self.pid, self.writer, self.id, self.boot_id, self.created_us, self.sequence,
         self.unused, self.salt, crc) = SEGMENT.unpack_from(data)
        assert crc == zlib.crc32(data[:SEGMENT.size - CRC_SIZE])
        self.records = []
        at = SEGMENT.size
        while at < len(data):
            magic, size, crc, kind, ticket, monotonic_us, wall_us = RECORD.unpack_from(data, at)
            at += RECORD.size
            self.records.append(Record(kind, ticket, monotonic_us, wall_us, data[at:at + size]))
            at += size
            assert (magic, crc) == (0x43527045, self._crc(self.records[-1]))

    def _crc(self, record):
        numbers = struct.pack('=IQqq', record.kind, record.ticket, record.monotonic_us, record.wall_us)
        return zlib.crc32(record.payload, zlib.crc32(numbers, zlib.crc32(struct.pack('=I', len(record.payload)), self.salt)))

    def write(self):
        header = SEGMENT.pack(self.magic, self.version, self.pid, self.writer, self.id, self.boot_id, self.created_us,
                              self.sequence, self.unused, self.salt, 0)[:-CRC_SIZE]
        data = header + struct.pack('=I', zlib.crc32(header))
        for record in self.records:
            data += RECORD.pack(0x43527045, len(record.payload), self._crc(record), record.kind, record.ticket,
                                record.monotonic_us, record.wall_us) + record.payload
        self.path.write_bytes(data)


def segments(state_dir):
    """All segments of a spool, by name."""
    return [Segment(path) for path in sorted((state_dir / 'spool').glob('*.seg'))]
