#!/usr/bin/perl
# What the Perl binding does; test_ffi.py says what it prints, as all walks do.
#
#   walk.pl EPPTAP.SO GUEST.SO FOLDER           each call once
#   walk.pl EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
use strict;
use warnings;
use Epptap;
use FFI::Platypus 2.00;
use File::Copy qw(copy);
$| = 1;

my ($library, $guest_library, $folder, $leaves) = @ARGV;
my $ffi = FFI::Platypus->new(api => 2, lib => $guest_library);
my $guest_changes = $ffi->function(guest_changes => [] => 'string');

sub frame {
    my ($name) = @_;
    open my $file, '<:raw', "$folder/$name" or die "$name: $!";
    local $/;
    return scalar <$file>;
}

sub refused {
    my ($word, $call) = @_;
    if (eval { $call->(); 1 }) {
        print "$word not refused\n";
    } else {
        print "$word ", $@->result, " $@\n";
    }
}

our $left;
if ($leaves) {
    $left = Epptap->open("$folder/epptap.yaml", library => $library);
    exit 0;
}

$guest_changes->call;
refused('open', sub { Epptap->open("$folder/bad.yaml", library => $library) });
my $tap = Epptap->open("$folder/epptap.yaml", library => $library);
print 'version ', $tap->version, "\n";
refused('again', sub { Epptap->open("$folder/epptap.yaml", library => $library) });

$tap->transaction('ClientX', frame('1.command'), frame('1.response'));
$tap->transaction(undef, frame('2.command'), frame('2.response'));
my $ticket = $tap->begin('ClientY', frame('3.command'));
$tap->end($ticket, frame('3.response'));
refused('ended', sub { $tap->end($ticket, frame('3.response')) });
$ticket = $tap->begin('ClientY', frame('4.command'));
$tap->flush;
$tap->end($ticket);
$tap->server_change(frame('server'));
refused('empty', sub { $tap->transaction('ClientX', '', '') });
my $stream = $tap->stream;
$stream->server(frame('server-greeting'));
$stream->client($_) for frame('client') =~ /(.{1,100})/gs;
$stream->server(frame('server-responses'));
$stream->close;
refused('stream', sub { $stream->client('x') });

$tap->flush;
my $stats = $tap->stats;
print "changes $stats->{changes} given up $stats->{intents}{given_up} streams $stats->{streams}{open}\n";
$tap->reload;
copy("$folder/bad.yaml", "$folder/epptap.yaml");
refused('reload', sub { $tap->reload });
copy("$folder/good.yaml", "$folder/epptap.yaml");
print 'guest ', $guest_changes->call, "\n";

my $child = fork;
if ($child == 0) {
    refused('forked', sub { $tap->flush });
    exit 0;
}
waitpid $child, 0;
print "child $?\n";

$tap->close;
refused('closed', sub { $tap->transaction('ClientX', frame('1.command'), frame('1.response')) });
print 'guest ', $guest_changes->call, "\n";
