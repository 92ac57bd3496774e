import epptap.Epptap;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * A front end of a few lines, under load: an executor's threads serve all connections, so that a connection's commands, and
 * the two calls of one command, come from whichever of them is free.
 *
 * <p>FrontEnd EPPTAP.SO CONFIG REGISTRARS COMMANDS
 *
 * <p>Each registrar n, Client&lt;n&gt;, sends so many updates; the k-th is of c&lt;n&gt;-&lt;k&gt;.example and answered with
 * the svTRID S-&lt;n&gt;-&lt;k&gt;.
 */
public final class FrontEnd {
	private static final String EPP = "urn:ietf:params:xml:ns:epp-1.0";
	private static final String DOMAIN = "urn:ietf:params:xml:ns:domain-1.0";
	private static final int THREADS = 4;
	private static final System.Logger LOG = System.getLogger("epptap");

	private final Epptap tap;
	private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
	private final CountDownLatch sessions;
	private final int commands;

	private FrontEnd(Epptap tap, int registrars, int commands) {
		this.tap = tap;
		this.sessions = new CountDownLatch(registrars);
		this.commands = commands;
	}

	/** What a registrar sends. */
	private static byte[] update(String name) {
		return ("<epp xmlns=\"" + EPP + "\"><command><update><d:update xmlns:d=\"" + DOMAIN + "\"><d:name>" + name
				+ "</d:name><d:add><d:ns><d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update>"
				+ "</command></epp>").getBytes(StandardCharsets.UTF_8);
	}

	/** The registry: every update is a success. */
	private static byte[] carryOut(byte[] command, String svtrid) {
		return ("<epp xmlns=\"" + EPP + "\"><response><result code=\"1000\"><msg>Done</msg></result><trID><svTRID>"
				+ svtrid + "</svTRID></trID></response></epp>").getBytes(StandardCharsets.UTF_8);
	}

	/** What goes wrong with the tap is logged, and is no matter of the registrar's. */
	private static long told(Supplier<Long> call) {
		try {
			return call.get();
		} catch (Epptap.EpptapException error) {
			LOG.log(System.Logger.Level.WARNING, error.getMessage());
			return 0; // end() takes it as a ticket
		}
	}

	/** A command's arrival; its response comes from another thread, perhaps. */
	private void arrive(int registrar, int count) {
		if (count == commands) {
			sessions.countDown();
			return;
		}
		byte[] command = update("c" + registrar + "-" + count + ".example");
		long ticket = told(() -> tap.begin("Client" + registrar, command));
		threads.execute(() -> respond(registrar, count, command, ticket));
	}

	private void respond(int registrar, int count, byte[] command, long ticket) {
		byte[] response = carryOut(command, "S-" + registrar + "-" + count);
		told(() -> {
			tap.end(ticket, response);
			return 0L;
		});
		threads.execute(() -> arrive(registrar, count + 1));
	}

	/** main(). */
	public static void main(String[] arguments) throws InterruptedException {
		int registrars = Integer.parseInt(arguments[2]);
		try (Epptap tap = Epptap.open(arguments[1], arguments[0])) {
			FrontEnd frontEnd = new FrontEnd(tap, registrars, Integer.parseInt(arguments[3]));
			for (int number = 0; number < registrars; number++) {
				frontEnd.arrive(number, 0);
			}
			frontEnd.sessions.await();
			frontEnd.threads.shutdown();
		} catch (Epptap.EpptapException error) {
			System.err.println("FrontEnd: " + error.getMessage());
			System.exit(1);
		}
	}
}
