// Zmq.java - a SUB socket of libzmq, by JNA (Debian's libjna-java, libzmq5): Debian 12's jeromq has no CURVE. Who takes Maven's
// may have org.zeromq:jeromq, of 0.5 or later, in its place.
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class Zmq {
    static final int CURVE_PUBLICKEY = 48, CURVE_SECRETKEY = 49, CURVE_SERVERKEY = 50;
    private static final int SUB = 2, SUBSCRIBE = 6, RCVMORE = 13, EINTR = 4;

    private interface C extends Library {
        C LIBRARY = Native.load("zmq", C.class);

        Pointer zmq_ctx_new();
        Pointer zmq_socket(Pointer context, int type);
        int zmq_setsockopt(Pointer socket, int option, byte[] value, long size);
        int zmq_getsockopt(Pointer socket, int option, IntByReference value, LongByReference size);
        int zmq_connect(Pointer socket, String address);
        int zmq_recv(Pointer socket, byte[] into, long size, int flags);
        String zmq_strerror(int error);
    }

    private final Pointer socket = C.LIBRARY.zmq_socket(C.LIBRARY.zmq_ctx_new(), SUB);
    private final byte[] room = new byte[1 << 17]; // an event has 60,000 bytes at the most; what is longer is cut, and refused

    private static void need(boolean done, String what) {
        if (!done) {
            throw new IllegalStateException(what + ": " + C.LIBRARY.zmq_strerror(Native.getLastError()));
        }
    }

    void set(int option, String text) {
        need(C.LIBRARY.zmq_setsockopt(socket, option, text.getBytes(), text.length()) == 0, "option " + option);
    }

    void subscribe(String address, String prefix) {
        set(SUBSCRIBE, prefix);
        need(C.LIBRARY.zmq_connect(socket, address) == 0, address);
    }

    // Waits for a message; its frames.
    List<byte[]> receive() {
        List<byte[]> frames = new ArrayList<>();
        IntByReference more = new IntByReference(1);
        while (more.getValue() != 0) {
            int size = C.LIBRARY.zmq_recv(socket, room, room.length, 0);
            if (size < 0) {
                need(Native.getLastError() == EINTR, "receiving");
                continue;
            }
            frames.add(Arrays.copyOf(room, Math.min(size, room.length)));
            need(C.LIBRARY.zmq_getsockopt(socket, RCVMORE, more, new LongByReference(4)) == 0, "receiving");
        }
        return frames;
    }
}
