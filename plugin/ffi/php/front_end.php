<?php
/**
 * A front end of a few lines, under load: worker processes, each with a tap of its own, as Swoole's have in WorkerStart.
 *
 *     front_end.php EPPTAP.SO CONFIG REGISTRARS COMMANDS
 *
 * Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID
 * S-<n>-<k>.
 */
declare(strict_types=1);

require __DIR__ . '/epptap.php';

use Epptap\Tap;
use Epptap\TapException;

const EPP = 'urn:ietf:params:xml:ns:epp-1.0';
const DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0';

/** What a registrar sends. */
function update(string $name): string
{
    return '<epp xmlns="' . EPP . '"><command><update><d:update xmlns:d="' . DOMAIN . "\"><d:name>$name</d:name><d:add>"
        . '<d:ns><d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update></command></epp>';
}

/** The registry: every update is a success. */
function carryOut(string $command, string $svtrid): string
{
    return '<epp xmlns="' . EPP . '"><response><result code="1000"><msg>Done</msg></result>'
        . "<trID><svTRID>$svtrid</svTRID></trID></response></epp>";
}

/** One command, from its arrival to its response. What goes wrong with the tap is logged, and is no matter of the
 *  registrar's. */
function serve(Tap $tap, string $registrar, string $command, string $svtrid): string
{
    $response = carryOut($command, $svtrid);
    try {
        $tap->transaction($registrar, $command, $response);
    } catch (TapException $error) {
        error_log("epptap: {$error->getMessage()}");
    }
    return $response;
}

/** What a worker does once it has started: $server->on('WorkerStart', ...) in Swoole. */
function workerStart(string $library, string $config, int $worker, int $commands): int
{
    try {
        $tap = new Tap($config, $library);
    } catch (TapException $error) {
        error_log("front_end.php: {$error->getMessage()}");
        return 1;
    }
    for ($count = 0; $count < $commands; $count++) {
        serve($tap, "Client$worker", update("c$worker-$count.example"), "S-$worker-$count");
    }
    $tap->close();
    return 0;
}

[, $library, $config, $registrars, $commands] = $argv;
for ($worker = 0; $worker < $registrars; $worker++) {
    if (pcntl_fork() === 0) {
        exit(workerStart($library, $config, $worker, (int) $commands));
    }
}
$failed = 0;
while (pcntl_wait($status) > 0) {
    $failed |= $status;
}
exit($failed === 0 ? 0 : 1);
