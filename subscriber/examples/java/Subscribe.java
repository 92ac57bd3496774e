// Subscribe.java - follows a channel of the feed: a line for each event that verifies
//
//     javac -cp JARS *.java && java -cp JARS:. Subscribe https://feed.registry.example/public/ [CLIENT.key CLIENT.pub]
//
// With the JDK's own Ed25519 (15 or later), Gson (Debian's libgoogle-gson-java) and Zmq.java; JARS is
// /usr/share/java/gson.jar:/usr/share/java/jna.jar. The files are one's own CURVE keys, for a channel that asks for them. What
// is refused, and what was missed, is said on stderr. ../README.md tells what this leaves out.
import com.google.gson.*;
import java.io.*;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.spec.X509EncodedKeySpec;
import java.util.*;

public final class Subscribe {
    private static final Map<String, PublicKey> keys = new HashMap<>(); // by kid

    private static JsonObject get(String url) throws IOException {
        try (Reader text = new InputStreamReader(new URL(url).openStream(), StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(text).getAsJsonObject();
        }
    }

    private static String word(JsonObject from, String member) {
        return from.get(member).getAsString();
    }

    private static void readKeys(String url) throws Exception {
        keys.clear();
        for (JsonElement key : get(url).getAsJsonArray("keys")) {
            // these characters say that a key of Ed25519 follows
            byte[] x509 = Base64.getUrlDecoder().decode("MCowBQYDK2VwAyEA" + word(key.getAsJsonObject(), "x"));
            keys.put(word(key.getAsJsonObject(), "kid"),
                    KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(x509)));
        }
    }

    private static JsonObject decode(String part) {
        String text = new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
        return JsonParser.parseString(text).getAsJsonObject();
    }

    // The claims of an event; an exception if anything of it is not as it must be.
    private static JsonObject verify(String jws, String registry, String jwks) throws Exception {
        String[] parts = jws.split("\\.", -1);
        JsonObject header = decode(parts[0]);
        if (parts.length != 3 || !header.keySet().equals(Set.of("alg", "kid", "typ"))
                || !word(header, "typ").equals("secevent+jwt") || !Set.of("EdDSA", "Ed25519").contains(word(header, "alg"))) {
            throw new SignatureException("its header is not that of a security event");
        }
        if (!keys.containsKey(word(header, "kid"))) { // a new one?
            readKeys(jwks);
        }
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(keys.get(word(header, "kid"))); // refuses null
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        if (!signature.verify(Base64.getUrlDecoder().decode(parts[2]))) {
            throw new SignatureException("its signature does not verify");
        }
        JsonObject claims = decode(parts[1]);
        if (!word(claims, "iss").equals(registry) || claims.has("aud")) {
            throw new SignatureException("it is another registry's, or for somebody else");
        }
        return claims;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 1) {
            throw new IllegalArgumentException("usage: Subscribe URL [CLIENT.key CLIENT.pub]");
        }
        String url = arguments[0].replaceAll("/+$", "") + "/";
        JsonObject feed = get(url + "feed.json");
        Zmq socket = new Zmq();
        if (feed.has("curve_server_key")) {
            if (arguments.length != 3) {
                throw new IllegalArgumentException("this channel is encrypted: give CLIENT.key and CLIENT.pub behind its address");
            }
            socket.set(Zmq.CURVE_SERVERKEY, word(feed, "curve_server_key"));
            socket.set(Zmq.CURVE_SECRETKEY, Files.readString(Path.of(arguments[1])).trim());
            socket.set(Zmq.CURVE_PUBLICKEY, Files.readString(Path.of(arguments[2])).trim());
        }
        // all; or the labels reversed: "example.bank." is bank.example with its hosts
        socket.subscribe(feed.getAsJsonArray("connect").get(0).getAsString(), "");
        long last = -1;
        String jti = "";
        while (true) {
            List<byte[]> frames = socket.receive();
            if (new String(frames.get(0), StandardCharsets.US_ASCII).equals("~checkpoint")) {
                continue;
            }
            long index;
            JsonObject claims;
            String event;
            try {
                String number = new String(frames.get(1), StandardCharsets.US_ASCII);
                if (!number.matches("[0-9]{1,15}")) {
                    throw new NumberFormatException("its index is no number");
                }
                index = Long.parseLong(number);
                String jws = new String(frames.get(2), StandardCharsets.US_ASCII);
                claims = verify(jws, word(feed, "registry"), url + word(feed, "jwks"));
                event = claims.getAsJsonObject("events").keySet().iterator().next();
            } catch (Exception why) {
                System.err.println("refused: " + why);
                continue;
            }
            if (word(claims, "jti").equals(jti)) { // a host that gets a new name is sent under both
                continue;
            }
            if (last >= 0 && index != last + 1) {
                System.err.println("jump from " + last + " to " + index + ": read the log, " + url + "tile/entries/");
            }
            last = index;
            jti = word(claims, "jti");
            System.out.println(index + " " + word(claims.getAsJsonObject("sub_id"), "uri") + " " + event + " "
                    + claims.getAsJsonObject("events").get(event));
            if (event.equals("urn:epptap:key")) { // one was added, retired or revoked
                keys.clear();
            }
        }
    }
}
