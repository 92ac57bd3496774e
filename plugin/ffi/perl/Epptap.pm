package Epptap;

# Epptap.pm - epptap for Perl, by FFI::Platypus 2.00 or newer (Debian libffi-platypus-perl): one file to copy
#
#   use Epptap;
#
#   my $tap = Epptap->open('/etc/epptap/epptap.yaml');
#   my $ticket = $tap->begin($login, $command);     # before the command is carried out
#   $tap->end($ticket, $response);                  # after it; or, in one: $tap->transaction($login, $command, $response)
#
# Frames are bytes, or decoded text, which is taken as UTF-8; a registrar is undef where none is known. epptap.h is the
# manual of the calls.
#
# Ownership   Frames are copied before a call returns. A tap is closed by close(), or when the last reference to it is
#             gone (not at the end of the program: close it there); a stream likewise.
# Fork        Open after the last fork: in the child, as Net::EPP::Server's children do. In a child of the process that
#             opened it every call dies with EFORK. Loading this file is all right before a fork.
# Signals     None is touched, and the tap's threads take none: SIGALRM comes to your code. A die in its handler may come
#             between a call and what you do with its answer: begin() before the alarm is set, end() after it is off.
# Threads     Perl's own are not shared with: open in each that needs a tap of its own state_dir.
# Errors      Calls die with an Epptap::Error: ->result is the answer, and as a string it says it in words. One of begin(),
#             end(), transaction() and server_change() is no reason to fail a command: what was lost is counted, and told
#             in the feed. Warn and go on.
use strict;
use warnings;
use FFI::Platypus 2.00;
use JSON::PP ();

use constant {
    ABI => 1,
    OK => 0, EINVAL => -1, ECONFIG => -2, EFULL => -3, EFORK => -4, EBUSY => -5, ESTORE => -6, ENOMEM => -7, ETIMEOUT => -8,
    WHY_SIZE => 2048,
};
our $LIBRARY = '/usr/local/lib/epptap/epptap.so';

my $loaded;

# Makes subs of the library's functions, once it has said that its ABI is ours.
sub _load {
    my ($path) = @_;
    return if $loaded;
    -e $path or die Epptap::Error->new(EINVAL, "$path: $!");
    my $ffi = FFI::Platypus->new(api => 2, lib => $path);
    my $abi = $ffi->function(epptap_abi => [] => 'unsigned int')->call;
    die Epptap::Error->new(EINVAL, "$path: its ABI is version $abi; this file needs " . ABI) if $abi != ABI;
    $ffi->attach([epptap_version => '_version'] => [] => 'string');
    $ffi->attach([epptap_strerror => '_strerror'] => ['int'] => 'string');
    $ffi->attach([epptap_open => '_open'] => ['string', 'opaque*', 'opaque', 'size_t'] => 'int');
    $ffi->attach([epptap_transaction => '_transaction'] =>
        ['opaque', 'string', 'string', 'size_t', 'string', 'size_t'] => 'int');
    $ffi->attach([epptap_begin => '_begin'] => ['opaque', 'string', 'string', 'size_t', 'uint64*'] => 'int');
    $ffi->attach([epptap_end => '_end'] => ['opaque', 'uint64', 'string', 'size_t'] => 'int');
    $ffi->attach([epptap_server_change => '_server_change'] => ['opaque', 'string', 'size_t'] => 'int');
    $ffi->attach([epptap_stream_new => '_stream_new'] => ['opaque', 'string', 'opaque*'] => 'int');
    $ffi->attach([epptap_stream_client => '_stream_client'] => ['opaque', 'string', 'size_t'] => 'int');
    $ffi->attach([epptap_stream_server => '_stream_server'] => ['opaque', 'string', 'size_t'] => 'int');
    $ffi->attach([epptap_stream_free => '_stream_free'] => ['opaque*'] => 'void');
    $ffi->attach([epptap_flush => '_flush'] => ['opaque', 'unsigned int'] => 'int');
    $ffi->attach([epptap_stats => '_stats'] => ['opaque', 'opaque', 'size_t*'] => 'int');
    $ffi->attach([epptap_reload => '_reload'] => ['opaque', 'opaque', 'size_t'] => 'int');
    $ffi->attach([epptap_close => '_close'] => ['opaque*', 'unsigned int'] => 'void');
    $loaded = 1;
}

# The bytes of a frame, and how many they are.
sub _frame {
    my ($frame) = @_;
    $frame = '' unless defined $frame;
    utf8::encode($frame) if utf8::is_utf8($frame);
    return ($frame, length $frame);
}

# A buffer for C to write to, and its address: good as long as the buffer is not assigned to.
sub _room {
    my ($size) = @_;
    my $room = "\0" x $size;
    return (\$room, unpack 'J', pack 'p', $room);
}

sub _check {
    my ($result, $why) = @_;
    return if $result == OK;
    my $words = defined $why ? unpack 'Z*', $$why : '';
    die Epptap::Error->new($result, length $words ? $words : _strerror($result));
}

# Opens the tap with a configuration: one for a process and state_dir. library => PATH if it lies elsewhere.
sub open {
    my ($class, $config, %options) = @_;
    _load($options{library} // $LIBRARY);
    my $self = bless {handle => undef}, $class;
    my ($why, $address) = _room(WHY_SIZE);
    _check(_open("$config", \$self->{handle}, $address, WHY_SIZE), $why);
    return $self;
}

# The library's version.
sub version { return _version() }

# Shows a finished command with its response, before that goes out.
sub transaction {
    my ($self, $registrar, $command, $response) = @_;
    _check(_transaction($self->{handle}, $registrar, _frame($command), _frame($response)));
}

# Shows a command that is about to be carried out; returns the ticket for end().
sub begin {
    my ($self, $registrar, $command) = @_;
    my $ticket = 0;
    _check(_begin($self->{handle}, $registrar, _frame($command), \$ticket));
    return $ticket;
}

# Shows what came of it; no response: it was given up, and changed nothing.
sub end {
    my ($self, $ticket, $response) = @_;
    _check(_end($self->{handle}, $ticket, _frame($response)));
}

# Shows a change that the registry itself made (RFC 8590).
sub server_change {
    my ($self, $frame) = @_;
    _check(_server_change($self->{handle}, _frame($frame)));
}

# A connection whose bytes are shown; without a registrar: its <login> tells.
sub stream {
    my ($self, $registrar) = @_;
    return Epptap::Stream->new($self, $registrar);
}

# Waits until all that was accepted is on disk.
sub flush {
    my ($self, $timeout_ms) = @_;
    _check(_flush($self->{handle}, $timeout_ms // 2000));
}

# The counters, as a hash.
sub stats {
    my ($self) = @_;
    my $size = 16384;
    while (1) {
        my $capacity = $size;
        my ($room, $address) = _room($capacity);
        my $result = _stats($self->{handle}, $address, \$size);
        next if $result == EINVAL && $size > $capacity;
        _check($result);
        return JSON::PP->new->utf8->decode(substr $$room, 0, $size);
    }
}

# Reads the configuration again; if that is wrong, all stays as it was.
sub reload {
    my ($self) = @_;
    my ($why, $address) = _room(WHY_SIZE);
    _check(_reload($self->{handle}, $address, WHY_SIZE), $why);
}

# Makes durable, and publishes, what it can in that time. To close again is nothing.
sub close {
    my ($self, $drain_ms) = @_;
    _close(\$self->{handle}, $drain_ms // 2000);
}

# Perl takes things apart in no order at its end: then the process' end is the tap's.
sub DESTROY {
    my ($self) = @_;
    $self->close if defined $self->{handle} && ${^GLOBAL_PHASE} ne 'DESTRUCT';
}

sub CLONE_SKIP { return 1 }

# One EPP connection as raw bytes, from its first one on; close it when the connection ends. Whatever a call dies of, go on
# showing the bytes.
package Epptap::Stream;

sub new {
    my ($class, $tap, $registrar) = @_;
    my $self = bless {handle => undef}, $class;
    Epptap::_check(Epptap::_stream_new($tap->{handle}, $registrar, \$self->{handle}));
    return $self;
}

# Bytes from the registrar, before they are passed on.
sub client {
    my ($self, $bytes) = @_;
    Epptap::_check(Epptap::_stream_client($self->{handle}, Epptap::_frame($bytes)));
}

# Bytes to the registrar.
sub server {
    my ($self, $bytes) = @_;
    Epptap::_check(Epptap::_stream_server($self->{handle}, Epptap::_frame($bytes)));
}

# The connection is closed. To close again is nothing.
sub close {
    my ($self) = @_;
    Epptap::_stream_free(\$self->{handle});
}

sub DESTROY {
    my ($self) = @_;
    $self->close if defined $self->{handle} && ${^GLOBAL_PHASE} ne 'DESTRUCT';
}

sub CLONE_SKIP { return 1 }

# What a call dies with.
package Epptap::Error;
use overload '""' => sub { $_[0]{words} }, fallback => 1;

sub new {
    my ($class, $result, $words) = @_;
    return bless {result => $result, words => $words}, $class;
}

sub result { return $_[0]{result} }

1;
