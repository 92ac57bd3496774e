import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import epptap.Epptap;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the Java binding does; test_ffi.py says what it prints, as all walks do.
 *
 * <p>Walk EPPTAP.SO GUEST.SO FOLDER shows each call once; Walk EPPTAP.SO GUEST.SO FOLDER leave opens, and ends without a close.
 */
public final class Walk {
	/** guest.c. */
	public interface Guest extends Library {
		String guest_changes();

		int guest_forked(String library, Pointer tap);
	}

	private static Path folder;
	private static Epptap left;

	private static byte[] frame(String name) throws IOException {
		return Files.readAllBytes(folder.resolve(name));
	}

	private static void copy(String from, String to) throws IOException {
		Files.copy(folder.resolve(from), folder.resolve(to), StandardCopyOption.REPLACE_EXISTING);
	}

	private static void refused(String word, Runnable call) {
		try {
			call.run();
			System.out.println(word + " not refused");
		} catch (Epptap.EpptapException error) {
			System.out.println(word + " " + error.result() + " " + error.getMessage());
		}
	}

	private static String number(String json, String name) {
		Matcher matcher = Pattern.compile("\"" + name + "\": ?(\\d+)").matcher(json);
		return matcher.find() ? matcher.group(1) : "none";
	}

	/** The handle, which is no business of users'. */
	private static Pointer handleOf(Epptap tap) throws ReflectiveOperationException {
		Field field = Epptap.class.getDeclaredField("handle");
		field.setAccessible(true);
		return ((PointerByReference) field.get(tap)).getValue();
	}

	/** main(). */
	public static void main(String[] arguments) throws IOException, ReflectiveOperationException {
		String library = arguments[0];
		Guest guest = Native.load(arguments[1], Guest.class);
		folder = Path.of(arguments[2]);
		String config = folder.resolve("epptap.yaml").toString();

		byte[] command = frame("1.command"); // the first file that is read has a signal's handler set, by the JDK
		if (arguments.length > 3) {
			left = Epptap.open(config, library);
			return;
		}

		guest.guest_changes();
		refused("open", () -> Epptap.open(folder.resolve("bad.yaml").toString(), library));
		Epptap tap = Epptap.open(config, library);
		System.out.println("version " + tap.version());
		refused("again", () -> Epptap.open(config, library));

		byte[] response = frame("3.response");
		tap.transaction("ClientX", command, frame("1.response"));
		tap.transaction(null, frame("2.command"), frame("2.response"));
		long ticket = tap.begin("ClientY", frame("3.command"));
		tap.end(ticket, response);
		refused("ended", () -> tap.end(ticket, response));
		long failing = tap.begin("ClientY", frame("4.command"));
		tap.flush(2000);
		tap.end(failing, null);
		tap.serverChange(frame("server"));
		refused("empty", () -> tap.transaction("ClientX", new byte[0], new byte[0]));
		Epptap.Stream stream = tap.stream(null);
		stream.server(frame("server-greeting"));
		byte[] client = frame("client");
		for (int start = 0; start < client.length; start += 100) {
			stream.client(Arrays.copyOfRange(client, start, Math.min(start + 100, client.length)));
		}
		stream.server(frame("server-responses"));
		stream.close();
		refused("stream", () -> stream.client(new byte[] {'x'}));

		tap.flush(2000);
		String stats = tap.stats();
		System.out.println("changes " + number(stats, "changes") + " given up " + number(stats, "given_up") + " streams "
				+ number(stats, "open"));
		tap.reload();
		copy("bad.yaml", "epptap.yaml");
		refused("reload", tap::reload);
		copy("good.yaml", "epptap.yaml");
		System.out.println("guest " + guest.guest_changes());

		System.out.println("forked " + guest.guest_forked(library, handleOf(tap)));
		System.out.println("child 0");

		tap.close();
		refused("closed", () -> tap.transaction("ClientX", command, response));
		System.out.println("guest " + guest.guest_changes());
	}
}
