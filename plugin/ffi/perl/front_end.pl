#!/usr/bin/perl
# front_end.pl - a front end of a few lines, under load: a process for each connection, and SIGALRM for time-outs, as
# Net::EPP::Server has them
#
#   front_end.pl EPPTAP.SO CONFIG REGISTRARS COMMANDS
#
# Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID
# S-<n>-<k>. Every hundredth hangs, until its time-out: it prints "given up S-<n>-<k>".
use strict;
use warnings;
use Epptap;
use Time::HiRes qw(ualarm);

use constant {EPP => 'urn:ietf:params:xml:ns:epp-1.0', DOMAIN => 'urn:ietf:params:xml:ns:domain-1.0'};
$| = 1;

# What a registrar sends.
sub update {
    my ($name) = @_;
    return '<epp xmlns="' . EPP . '"><command><update><d:update xmlns:d="' . DOMAIN . "\"><d:name>$name</d:name><d:add>"
        . '<d:ns><d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update></command></epp>';
}

# The registry: every update is a success, if it comes to an end.
sub carry_out {
    my ($command, $svtrid) = @_;
    if ($svtrid =~ /99$/) {
        sleep 60;
    }
    return '<epp xmlns="' . EPP . '"><response><result code="1000"><msg>Done</msg></result>'
        . "<trID><svTRID>$svtrid</svTRID></trID></response></epp>";
}

# What goes wrong with the tap is warned of, and is no matter of the registrar's.
sub told {
    my ($call) = @_;
    my $answer = eval { $call->() };
    warn "epptap: $@\n" if $@;
    return $answer // 0;    # end() takes 0 as a ticket
}

# One command, from its arrival to its response; undef if it took too long.
sub serve {
    my ($tap, $registrar, $command, $svtrid) = @_;
    my $ticket = told(sub { $tap->begin($registrar, $command) });
    my $response = eval {
        local $SIG{ALRM} = sub { die "time-out\n" };
        ualarm(100_000);
        my $done = carry_out($command, $svtrid);
        ualarm(0);
        $done;
    };
    ualarm(0);
    told(sub { $tap->end($ticket, $response) });
    return $response;
}

# A child's work, with a tap of its own.
sub work {
    my ($library, $config, $number, $commands) = @_;
    my $tap = Epptap->open($config, library => $library);
    for my $count (0 .. $commands - 1) {
        my $svtrid = "S-$number-$count";
        defined serve($tap, "Client$number", update("c$number-$count.example"), $svtrid) or print "given up $svtrid\n";
    }
    $tap->close;
}

die "usage: front_end.pl EPPTAP.SO CONFIG REGISTRARS COMMANDS\n" unless @ARGV == 4;
my ($library, $config, $registrars, $commands) = @ARGV;
my @children;
for my $number (0 .. $registrars - 1) {
    my $child = fork // die "fork: $!\n";
    if ($child == 0) {
        my $done = eval { work($library, $config, $number, $commands); 1 };
        warn "front_end.pl: $@\n" unless $done;
        exit !$done;
    }
    push @children, $child;
}
my $failed = 0;
for my $child (@children) {
    waitpid $child, 0;
    $failed ||= $?;
}
exit !!$failed;
