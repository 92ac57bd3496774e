"""What must hold of a stage after each fault: the journals, the spool and the feed, held against each other.

A change is durable when its answer came (`durability: wait`, without intents), or when somebody saw it in the spool or
in the feed. A run that ended by kill -9 may lack the end of its journal, what its queue still held, and nothing before
that. One that lives or ended well lacks nothing; if it could not write the spool for a while, no more than gaps tell.
"""
import bisect
import collections
import json

from harness import epptapctl, feed_dump, quiet_feed_dump, wait_until
from load import shared_name
from stage import KILLED, Violation

SETTLE_SECONDS = 40
LOSSES = {'disk_full', 'queue_full', 'registrar_quota'}  # reasons of gaps when the spool can't be written


def need(condition, what):
    if not condition:
        raise Violation(what)


def some(found):
    """A few of them, to be shown."""
    found = list(found)
    return f'{len(found)}: {found[:5]}'


def key_of_line(line):
    return f'dns:{line["name"]}', f'urn:ietf:params:xml:ns:{line["object"]}-1.0#{line["verb"]}'


class Feed:
    """A channel's lines, as epptapctl shows them."""

    def __init__(self, lines):
        self.lines = lines
        self.changes, self.unknown = {}, collections.Counter()
        self.gaps, self.lost = collections.Counter(), 0
        self.doubles = []
        for line in lines:
            claims = line['event']
            ((kind, value),) = claims['events'].items()
            if kind == 'urn:epptap:gap':
                self.gaps[value['reason']] += 1
                self.lost += value.get('count', 0) if value['reason'] in LOSSES else 0
            elif value['outcome'] == 'unknown':
                self.unknown[claims['sub_id']['uri'], kind] += 1
            elif claims['txn'] in self.changes:
                self.doubles.append(claims['txn'])
            else:
                self.changes[claims['txn']] = line


def _out_of_order(places):
    """How many must be taken away so that the rest rises."""
    tops = []
    for place in places:
        at = bisect.bisect_left(tops, place)
        tops[at:at + 1] = [place]
    return len(places) - len(tops)


class Checks:
    def __init__(self, stage):
        self.stage = stage
        self.durable, self.answered = set(), set()
        self.token = []
        self.placed = {channel: [] for channel in stage.work.ports}  # the JWS at each index, as it was once
        self.verified = 0
        self.heard = 0
        self.out_of_order = 0

    def look(self):
        """From now on, what is in the spool or in the feed must stay."""
        done = epptapctl('spool-dump', self.stage.work.config, check=False, timeout=90)
        for line in map(json.loads, done.stdout.splitlines()):
            if line['kind'] == 'change':
                self.durable.add(line['change']['txn'])
        with_feed = epptapctl('feed-dump', self.stage.work.config, 'vetted', check=False, timeout=90)
        self.durable |= Feed([json.loads(line) for line in with_feed.stdout.splitlines()]).changes.keys()

    def runs(self):
        """(worker, run, its lines of the journal) of each run."""
        for worker in self.stage.workers:
            journal = worker.read_journal()
            for run in worker.runs:
                yield worker, run, journal[run.first:run.end]

    def settle(self):
        """Waits until all that must be in the feed is, then checks all."""
        feed, why = None, []

        def look():
            nonlocal feed, why
            self.stage.check_lives()
            self.stage.note_late()
            done = epptapctl('feed-dump', self.stage.work.config, 'vetted', check=False, timeout=90)
            if done.returncode != 0:
                why = [done.stderr]
                return False
            feed = Feed([json.loads(line) for line in done.stdout.splitlines()])
            why = list(self._pending(feed))
            return not why
        try:
            wait_until('the feed has all that it must have', look, SETTLE_SECONDS, every=0.1)
        except AssertionError:
            raise Violation(f'after {SETTLE_SECONDS} s still: {"; ".join(why)}') from None
        self.check()

    def _pending(self, feed):
        """What the feed lacks."""
        plan = self.stage.plan
        missing = self.durable - feed.changes.keys()
        if missing:
            yield f'durable changes missing, {some(missing)}'
        crashes = sum(run.ended == KILLED for _, run, _ in self.runs())
        if feed.gaps['crash'] < crashes:
            yield f'{feed.gaps["crash"]} gaps for {crashes} crashes'
        excused = 0
        unknown = feed.unknown.copy()
        for worker, run, lines in self.runs():
            lacks = [line for line in lines if line['svTRID'] not in feed.changes]
            if plan['begin']:  # an unknown stands for it
                told = [line for line in lacks if unknown[key_of_line(line)] > 0]
                unknown.subtract(map(key_of_line, told))
                lacks = [line for line in lacks if line not in told]
            if run.ended != KILLED and run.may_lose:
                excused += len(lacks)
            elif run.ended != KILLED:
                if lacks:
                    yield f'worker {worker.number} lacks {some(line["svTRID"] for line in lacks)}'
            elif plan['durability'] == 'wait':
                if plan['begin'] and not run.may_lose and lacks:
                    yield f'committed, and neither event nor unknown, {some(line["svTRID"] for line in lacks)}'
                answered = [line['svTRID'] for line in lacks if line['svTRID'] in self.answered]
                if answered and not (plan['begin'] and run.may_lose):
                    yield f'answered and missing, {some(answered)}'
        if excused > feed.lost:
            yield f'{excused} lost, and gaps tell of {feed.lost}'

    def check(self):
        positions, heard = self.stage.positions(), self._hear()  # before the feed is looked at: nothing may be ahead of it
        lines = quiet_feed_dump(self.stage.work.config)
        channels = {name: [line for line in lines if line['channel'] == name] for name in self.stage.work.ports}
        vetted = Feed(channels['vetted'])
        self._check_places(channels, positions)
        self._check_signatures(channels)
        self._check_public(channels)
        self._check_changes(vetted)
        self._check_gaps(vetted)
        self._check_unknown(vetted)
        self._check_order(vetted)
        self._check_heard(heard)
        self.feed = vetted

    def _check_places(self, channels, positions):
        for name, lines in channels.items():
            placed = [line for line in lines if line['index'] is not None]
            need([line['index'] for line in placed] == list(range(len(placed))), f'{name}: a hole in its indexes')
            before = self.placed[name]
            self.placed[name] = [line['jws'] for line in placed]
            need(self.placed[name][:len(before)] == before, f'{name}: an index has another event than it had')
            need(positions.get(name, 0) <= len(placed), f'{name}: its log is ahead of its {len(placed)} events: {positions}')

    def _check_signatures(self, channels):
        """Of what is new, each event's, with its claims, and that its jti is its own."""
        vetted = channels['vetted']
        need(all(line['index'] is not None for line in vetted), 'vetted: something is held')
        for line in vetted[self.verified:]:
            self.stage.verifier.claims(line['jws'].encode())
        self.verified = len(vetted)

    def _check_public(self, channels):
        """The same bytes, sent or held, each once; about one name in the same order."""
        vetted, public = channels['vetted'], channels['public']
        need(sorted(line['jws'] for line in vetted) == sorted(line['jws'] for line in public),
             'public has other events than vetted')

        def by_domain(lines):
            names = collections.defaultdict(list)
            for line in lines:
                names[line['event']['sub_id']['uri'].removeprefix('dns:').removeprefix('ns.')].append(line['event']['jti'])
            return names
        need(by_domain(public) == by_domain(vetted), 'public has another order about some name than vetted')

    def _check_changes(self, feed):
        """Each once, each of the journal, as it is there; of a run that was killed nothing but its end is missing."""
        need(not feed.doubles, f'twice in vetted, {some(feed.doubles)}')
        seen = 0
        for worker, run, lines in self.runs():
            present = [line['svTRID'] in feed.changes for line in lines]
            seen += sum(present)
            need(run.may_lose or present == sorted(present, reverse=True),
                 f'worker {worker.number}: something is missing that came before what is there')
            for line in lines:
                claims = feed.changes.get(line['svTRID'], {}).get('event')
                need(not claims or (claims['sub_id']['uri'], *claims['events']) == key_of_line(line),
                     f'{line["svTRID"]}: not what the journal says')
        need(seen == len(feed.changes), f'{len(feed.changes) - seen} events of no journal')

    def _check_gaps(self, feed):
        runs = [run for _, run, _ in self.runs()]
        killed = sum(run.ended == KILLED for run in runs)
        need(killed <= feed.gaps['crash'] <= killed + self.stage.newborns,
             f'{feed.gaps["crash"]} gaps for {killed} crashes and {self.stage.newborns} of newborns')
        allowed = {'crash'} | (LOSSES if any(run.may_lose for run in runs) else set())
        need(feed.gaps.keys() <= allowed, f'gaps that nothing explains: {dict(feed.gaps)}')

    def _check_unknown(self, feed):
        """One for each command that was under way, at most, and none beside an event."""
        if not self.stage.plan['begin']:
            need(not feed.unknown, f'unknown without intents: {feed.unknown}')
            return
        lines = [line for _, _, lines in self.runs() for line in lines]
        shared = f'dns:{shared_name(0)}'
        complete = {key_of_line(line) for line in lines if line['svTRID'] in feed.changes}
        both = [key for key in feed.unknown if key in complete and key[0] != shared]
        need(not both, f'complete and unknown, {some(both)}')
        twice = [key for key, count in feed.unknown.items() if count > 1 and key[0] != shared]
        need(not twice, f'unknown twice, {some(twice)}')
        missing = collections.Counter(key_of_line(line) for line in lines if line['svTRID'] not in feed.changes)
        uncommitted = sum((feed.unknown - missing).values())
        under_way = sum(run.ended == KILLED for _, run, _ in self.runs())
        need(uncommitted <= under_way, f'{uncommitted} unknown that were not committed, with {under_way} under way')

    def _check_order(self, feed):
        """Of each worker always; of a token that workers hand on, but for those that are counted late."""
        order = {txn: place for place, txn in enumerate(feed.changes)}
        for worker in self.stage.workers:
            places = [order[line['svTRID']] for line in worker.journal if line['svTRID'] in order]
            need(places == sorted(places), f'worker {worker.number}: not in the order of its journal')
        self.out_of_order = sum(_out_of_order([order[txn] for txn in told if txn in order]) for told in self.token)
        # Counters are written once a second; what a publisher counted in its last one dies with it.
        try:
            wait_until('what is out of order is counted late', lambda:
                       self.out_of_order <= self.stage.late_so_far() or self.stage.publisher_killed, SETTLE_SECONDS, every=0.2)
        except AssertionError:
            raise Violation(f'{self.out_of_order} out of order, and {self.stage.late_so_far()} counted late') from None

    def _hear(self):
        messages = []
        while message := self.stage.listener.receive(0):
            messages.append(message)
        return messages

    def _check_heard(self, messages):
        """What was sent live is what stands at that index."""
        public = self.placed['public']
        for message in messages:
            need(message.index < len(public), f'{message.index} was heard, of {len(public)} that are published')
            need(public[message.index] == message.jws.decode(), f'{message.index} was heard, and is another event')
        self.heard += len(messages)

    def finish(self):
        """Until nothing is held any more; then all ends well, and nothing is told of that."""
        wait_until('all that was held has gone out', lambda: all(
            line['index'] is not None for line in feed_dump(self.stage.work.config, 'public')), SETTLE_SECONDS, every=0.2)
        self.check()

    def figures(self):
        lines = [(run, line) for _, run, lines in self.runs() for line in lines]
        gone = sum(line['svTRID'] not in self.feed.changes for _, line in lines)
        return collections.Counter({
            'committed': len(lines), 'events': len(self.feed.changes), 'verified': self.verified, 'heard_live': self.heard,
            'durable_seen': len(self.durable), 'answered': len(self.answered),
            'not_durable_when_killed': gone - min(gone, self.feed.lost), 'told_lost': self.feed.lost,
            'unknown': sum(self.feed.unknown.values()), 'late': self.stage.note_late(),
            'token_changes': sum(map(len, self.token)), 'out_of_order': self.out_of_order,
            **{f'gaps_{reason}': count for reason, count in self.feed.gaps.items()}})
