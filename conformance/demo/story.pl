#!/usr/bin/perl
# story.pl - what a registrar does, and then somebody with its password
#
#   story.pl HOST PORT seed     makes the registry that existed before: a bank, a name to be given up, their hosts
#   story.pl HOST PORT play     the story itself, one line on stdout before each step
#
# Every command goes through Debian's Net::EPP over TLS. All people and secrets are made up; they stand in @canaries,
# which `story.pl canaries` prints, so that a search knows what must not be found.
use strict;
use warnings;
use Net::EPP::Simple;
use Time::HiRes qw(sleep);
use utf8;
binmode STDOUT, ':encoding(UTF-8)';
$| = 1;

use constant {LOGIN => 'ClientX', PASSWORD => 'wrought-Iron-77-kestrel', STEP_SECONDS => 0.7};

my %person = (
    name => 'Ottilie Quastenflosser', org => 'Quastenflosser and Daughters', street => '17 Lanternfish Alley',
    city => 'Coelacanth Springs', code => 'QF-90417', voice => '+99.5550142', email => 'ottilie@quasten.invalid',
);
my %secret = (contact => 'shale-Copper-219', domain => 'basalt-Heron-558');
my @canaries = (PASSWORD, values %secret, @person{qw(name org street city code voice email)}, 'OQ-4471-HANDLE');
my $handle = 'OQ-4471-HANDLE';

if (@ARGV == 1 && $ARGV[0] eq 'canaries') {
    print "$_\n" for @canaries;
    exit 0;
}
my ($host, $port, $part) = @ARGV;
die "usage: story.pl HOST PORT seed|play, or story.pl canaries\n" unless $part && $part =~ /^(seed|play)$/;

my $epp = Net::EPP::Simple->new(host => $host, port => $port, user => LOGIN, pass => PASSWORD, timeout => 10,
    reconnect => 0, stdobj => 1, stdext => 1)
    or die "the login failed: $Net::EPP::Simple::Code $Net::EPP::Simple::Error\n";

sub done {
    my ($what, $ok) = @_;
    die "$what: $Net::EPP::Simple::Code $Net::EPP::Simple::Message $Net::EPP::Simple::Error\n" unless $ok;
}

# Net::EPP::Simple knows no DNSSEC, so these frames are written out (RFC 5910).
sub ds {
    my ($name, $side, $tag, $digest) = @_;
    my $frame = <<"XML";
<?xml version="1.0" encoding="UTF-8"?>
<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>
 <update><domain:update xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>$name</domain:name></domain:update></update>
 <extension><secDNS:update xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1"><secDNS:$side><secDNS:dsData>
  <secDNS:keyTag>$tag</secDNS:keyTag><secDNS:alg>13</secDNS:alg><secDNS:digestType>2</secDNS:digestType>
  <secDNS:digest>$digest</secDNS:digest></secDNS:dsData></secDNS:$side></secDNS:update></extension>
 <clTRID>story-$tag-$side</clTRID>
</command></epp>
XML
    $frame =~ s/\n/ /g; # Net::EPP takes a text without line breaks for a frame, else it looks for a file
    my $response = $epp->request($frame);
    my ($result) = $response ? $response->getElementsByTagName('result') : ();
    die "$side DS of $name: the registry refused it\n" unless $result && $result->getAttribute('code') == 1000;
}

sub add    { my ($name, %what) = @_; done("update of $name", $epp->update_domain({name => $name, add => \%what})) }
sub remove { my ($name, %what) = @_; done("update of $name", $epp->update_domain({name => $name, rem => \%what})) }

sub move {
    my ($name, $from, $to) = @_;
    done("move of $name", $epp->update_domain({name => $name, rem => {ns => $from}, add => {ns => $to}}));
}

sub create_host {
    my ($name, @v4) = @_;
    done("host $name", $epp->create_host({name => $name, addrs => [map { {ip => $_, version => 'v4'} } @v4]}));
}

sub create_domain {
    my ($name, @ns) = @_;
    done("domain $name", $epp->create_domain({name => $name, period => 1, ns => \@ns, registrant => $handle,
        contacts => {admin => $handle, tech => $handle}, authInfo => $secret{domain}}));
}

sub create_person {
    done('contact', $epp->create_contact({id => $handle, voice => $person{voice}, email => $person{email}, fax => '',
        authInfo => $secret{contact}, postalInfo => {int => {name => $person{name}, org => $person{org}, addr => {
            street => [$person{street}], city => $person{city}, sp => 'Deep', pc => $person{code}, cc => 'NO'}}}}));
}

my @bank_ns = ('ns1.honest-dns.example', 'ns2.honest-dns.example');
my @thief_ns = ('ns1.thief-dns.example', 'ns2.thief-dns.example');
my @bank_ds = (31415, '8C6976E5B5410415BDE908BD4DEE15DFB167A9C873FC4BB8A81F6F2AB448A918');
my $lock = ['clientTransferProhibited', 'clientDeleteProhibited', 'clientUpdateProhibited'];

sub seed {
    create_person();
    create_host($_) for @bank_ns, @thief_ns;
    create_domain('bank.example', @bank_ns);
    ds('bank.example', 'add', @bank_ds);
    add('bank.example', status => $lock);
    create_domain('farewell.example', @bank_ns);
}

my @story = (
    {who => 'registrar', scene => 'a registrar at work'},
    ['creates bright-idea.example, with contacts and a password', sub { create_domain('bright-idea.example') }],
    ['creates the host ns1.bright-idea.example, with glue', sub { create_host('ns1.bright-idea.example', '192.0.2.53') }],
    ['delegates bright-idea.example to it', sub { add('bright-idea.example', ns => ['ns1.bright-idea.example']) }],
    ['adds a DS record', sub { ds('bright-idea.example', 'add', 27182, '0F' x 32) }],
    ['locks bright-idea.example', sub { add('bright-idea.example', status => $lock) }],
    {who => 'thief', scene => 'somebody with the registrar\'s password, for five seconds'},
    ['unlocks bank.example', sub { remove('bank.example', status => ['clientUpdateProhibited']) }],
    ['moves its nameservers', sub { move('bank.example', \@bank_ns, \@thief_ns) }],
    ['takes its DS record away', sub { ds('bank.example', 'rem', @bank_ds) }],
    ['puts the nameservers back', sub { move('bank.example', \@thief_ns, \@bank_ns) }],
    ['puts the DS record back', sub { ds('bank.example', 'add', @bank_ds) }],
    ['locks it again', sub { add('bank.example', status => ['clientUpdateProhibited']) }],
    {who => 'registrar', scene => 'the registrar again'},
    ['deletes farewell.example', sub { done('delete', $epp->delete_domain('farewell.example')) }],
);

sub play {
    my ($changes, $who) = (0, '');
    for my $step (@story) {
        if (ref $step eq 'HASH') { # a scene begins: who acts from now on
            $who = $step->{who};
            print "scene $who $step->{scene}\n";
            next;
        }
        my ($what, $do) = @$step;
        print "step $who $what\n";
        $do->();
        $changes++;
        sleep STEP_SECONDS;
    }
    print "changes $changes\n";
}

$part eq 'seed' ? seed() : play();
$epp->logout;
