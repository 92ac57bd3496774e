"""Spool segments, read and written by the words of plugin/spool.h alone."""
import dataclasses
import struct
import zlib

SEGMENT = struct.Struct('=8sIIQ16s40sqIIII')  # magic, version, pid, writer, id, boot, created, sequence, unused, salt, crc
RECORD = struct.Struct('=IIIIIIQqq')  # magic, crc of all below, size, crc of the payload, kind, unused, ticket, monotonic, wall
MAGIC = 0x43527045
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
            _, _, size, _, kind, _, ticket, monotonic_us, wall_us = RECORD.unpack_from(data, at)
            record = Record(kind, ticket, monotonic_us, wall_us, data[at + RECORD.size:at + RECORD.size + size])
            self.records.append(record)
            assert data[at:at + RECORD.size + size] == self._bytes(record)
            at += RECORD.size + size

    def _bytes(self, record):
        crc = zlib.crc32(record.payload, self.salt)
        whole = RECORD.pack(MAGIC, 0, len(record.payload), crc, record.kind, 0, record.ticket, record.monotonic_us,
                            record.wall_us)
        return whole[:4] + struct.pack('=I', zlib.crc32(whole[8:], self.salt)) + whole[8:] + record.payload

    def write(self):
        header = SEGMENT.pack(self.magic, self.version, self.pid, self.writer, self.id, self.boot_id, self.created_us,
                              self.sequence, self.unused, self.salt, 0)[:-CRC_SIZE]
        data = header + struct.pack('=I', zlib.crc32(header))
        for record in self.records:
            data += self._bytes(record)
        self.path.write_bytes(data)


def segments(state_dir):
    """All segments of a spool, by name."""
    return [Segment(path) for path in sorted((state_dir / 'spool').glob('*.seg'))]
