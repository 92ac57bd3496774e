<?php
/**
 * What the PHP binding does; test_ffi.py says what it prints, as all walks do.
 *
 *     walk.php EPPTAP.PHP EPPTAP.SO GUEST.SO FOLDER           each call once
 *     walk.php EPPTAP.PHP EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
 */
declare(strict_types=1);

[, $binding, $library, $guestLibrary, $folder] = $argv;
require $binding;

use Epptap\Tap;
use Epptap\TapException;

$guest = FFI::cdef('const char *guest_changes(void);', $guestLibrary);

function frame(string $name): string
{
    return file_get_contents("{$GLOBALS['folder']}/$name");
}

function refused(string $word, callable $call): void
{
    try {
        $call();
        echo "$word not refused\n";
    } catch (TapException $error) {
        echo "$word {$error->getCode()} {$error->getMessage()}\n";
    }
}

if ($argc > 5) {
    $left = new Tap("$folder/epptap.yaml", $library);
    exit(0);
}

$guest->guest_changes();
refused('open', fn () => new Tap("$folder/bad.yaml", $library));
$tap = new Tap("$folder/epptap.yaml", $library);
echo "version {$tap->version()}\n";
refused('again', fn () => new Tap("$folder/epptap.yaml", $library));

$tap->transaction('ClientX', frame('1.command'), frame('1.response'));
$tap->transaction(null, frame('2.command'), frame('2.response'));
$ticket = $tap->begin('ClientY', frame('3.command'));
$tap->end($ticket, frame('3.response'));
refused('ended', fn () => $tap->end($ticket, frame('3.response')));
$ticket = $tap->begin('ClientY', frame('4.command'));
$tap->flush();
$tap->end($ticket);
$tap->serverChange(frame('server'));
refused('empty', fn () => $tap->transaction('ClientX', '', ''));
$stream = $tap->stream();
$stream->server(frame('server-greeting'));
foreach (str_split(frame('client'), 100) as $chunk) {
    $stream->client($chunk);
}
$stream->server(frame('server-responses'));
$stream->close();
refused('stream', fn () => $stream->client('x'));

$tap->flush();
$stats = $tap->stats();
echo "changes {$stats['changes']} given up {$stats['intents']['given_up']} streams {$stats['streams']['open']}\n";
$tap->reload();
copy("$folder/bad.yaml", "$folder/epptap.yaml");
refused('reload', fn () => $tap->reload());
copy("$folder/good.yaml", "$folder/epptap.yaml");
echo 'guest ', $guest->guest_changes(), "\n";

if (pcntl_fork() === 0) {
    refused('forked', fn () => $tap->flush());
    exit(0);
}
pcntl_wait($status);
echo "child $status\n";

$tap->close();
refused('closed', fn () => $tap->transaction('ClientX', frame('1.command'), frame('1.response')));
echo 'guest ', $guest->guest_changes(), "\n";
