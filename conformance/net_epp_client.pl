#!/usr/bin/perl
# net_epp_client.pl - a registrar that nobody of epptap wrote: Debian's Net::EPP::Simple, which checks what it reads
#
#   net_epp_client.pl HOST PORT LOGIN PASSWORD
#
# Makes a domain with contact and host, changes, renews and deletes it, trying what is refused in between. Prints one
# line for each step, "WORD CODE": the code of the response. Exit 1: no login; 2: usage.
use strict;
use warnings;
use Net::EPP::Simple;
$| = 1;

die "usage: net_epp_client.pl HOST PORT LOGIN PASSWORD\n" unless @ARGV == 4;
my ($host, $port, $login, $password) = @ARGV;

my $epp = Net::EPP::Simple->new(host => $host, port => $port, user => $login, pass => $password, timeout => 10,
    stdobj => 1, stdext => 1, load_config => 0);
unless ($epp) {
    print "login $Net::EPP::Simple::Code\n";
    exit 1;
}
print "login $Net::EPP::Simple::Code\n";

sub step {
    my ($word) = @_;
    print "$word $Net::EPP::Simple::Code\n";
}

my $name = 'foreign.example';
$epp->create_contact({
    id => 'foreign-1', voice => '+99.5550199', email => 'nobody@mail.example', authInfo => 'made-up-1',
    postalInfo => {int => {name => 'Nobody', addr => {street => ['1 Nowhere'], city => 'Nowhere', cc => 'DE'}}},
});
step('create-contact');
$epp->create_host({name => 'ns1.elsewhere.test', addrs => [{ip => '192.0.2.53', version => 'v4'}]});
step('create-host');
my %domain = (name => $name, period => 1, registrant => 'foreign-1', contacts => {admin => 'foreign-1'},
    authInfo => 'made-up-2', ns => ['ns1.elsewhere.test']);
$epp->create_domain(\%domain);
step('create');
$epp->create_domain(\%domain);
step('create-again');
$epp->update_domain({name => $name, add => {status => ['clientUpdateProhibited']}});
step('lock');
$epp->update_domain({name => $name, rem => {ns => ['ns1.elsewhere.test']}});
step('update-locked');
$epp->update_domain({name => $name, rem => {status => ['clientUpdateProhibited']}});
step('unlock');
$epp->update_domain({name => $name, rem => {ns => ['ns1.elsewhere.test']}});
step('update');
my ($expires) = split /T/, $epp->domain_info($name)->{exDate};
step('info');
$epp->renew_domain({name => $name, cur_exp_date => $expires, period => 2});
step('renew');
$epp->delete_domain('nobodys.example');
step('delete-unknown');
$epp->delete_domain($name);
step('delete');
$epp->logout;
