# frozen_string_literal: true

# epptap for Ruby, by Fiddle: one file to copy, nothing to install. Ruby 3.0 or newer.
#
#   require 'epptap'
#
#   tap = Epptap::Tap.new('/etc/epptap/epptap.yaml')
#   tap.transaction('ClientX', command, response)   # after it was carried out, before the response goes out
#
#   ticket = tap.begin('ClientX', command)          # or in two steps: before it is carried out,
#   tap.end(ticket, response)                       # and after it
#
# A registrar is nil where none is known. epptap.h is the manual of the calls.
#
# Ownership   Frames are copied before a call returns. A tap is closed by #close, or at the end of Tap.open's block; a
#             stream likewise.
# Threads     All calls may come from any thread, and let others run meanwhile. End your threads before #close.
# Fork        Open after the last fork: in Puma's on_worker_boot, for one. In a child of the process that opened it every
#             call raises, EFORK.
# Errors      Epptap::Error. One of #begin, #end, #transaction and #server_change is no reason to fail a command: what was
#             lost is counted, and told in the feed. Log it and go on.
require 'fiddle'
require 'json'

module Epptap
  ABI = 1
  LIBRARY = '/usr/local/lib/epptap/epptap.so'
  OK, EINVAL, ECONFIG, EFULL, EFORK, EBUSY, ESTORE, ENOMEM, ETIMEOUT = 0.step(-8, -1).to_a
  WHY_SIZE = 2048

  # A call that was not answered OK: #result is the answer, the message says it in words.
  class Error < StandardError
    attr_reader :result

    def initialize(result, words)
      super(words)
      @result = result
    end
  end

  # The library's functions.
  class Library
    POINTER = Fiddle::TYPE_VOIDP
    INT = Fiddle::TYPE_INT
    UNSIGNED = -Fiddle::TYPE_INT
    SIZE = Fiddle::TYPE_SIZE_T
    UINT64 = -Fiddle::TYPE_LONG_LONG
    FUNCTIONS = {
      version: [[], POINTER],
      strerror: [[INT], POINTER],
      open: [[POINTER, POINTER, POINTER, SIZE], INT],
      transaction: [[POINTER, POINTER, POINTER, SIZE, POINTER, SIZE], INT],
      begin: [[POINTER, POINTER, POINTER, SIZE, POINTER], INT],
      end: [[POINTER, UINT64, POINTER, SIZE], INT],
      server_change: [[POINTER, POINTER, SIZE], INT],
      stream_new: [[POINTER, POINTER, POINTER], INT],
      stream_client: [[POINTER, POINTER, SIZE], INT],
      stream_server: [[POINTER, POINTER, SIZE], INT],
      stream_free: [[POINTER], Fiddle::TYPE_VOID],
      flush: [[POINTER, UNSIGNED], INT],
      stats: [[POINTER, POINTER, POINTER], INT],
      reload: [[POINTER, POINTER, SIZE], INT],
      close: [[POINTER, UNSIGNED], Fiddle::TYPE_VOID]
    }.freeze

    # Fails unless the library says that its ABI is ours.
    def initialize(path)
      library = Fiddle.dlopen(path.to_s)
      abi = Fiddle::Function.new(library['epptap_abi'], [], UNSIGNED).call
      raise Error.new(EINVAL, "#{path}: its ABI is version #{abi}; this file needs #{ABI}") if abi != ABI

      @functions = FUNCTIONS.to_h do |name, (arguments, result)|
        [name, Fiddle::Function.new(library["epptap_#{name}"], arguments, result)]
      end
    end

    def call(name, *arguments)
      @functions.fetch(name).call(*arguments)
    end

    # The same, and fails unless the answer is OK: with what stands in +why+, if anything does.
    def check(name, *arguments, why: nil)
      result = call(name, *arguments)
      return if result == OK

      words = why ? Library.text(why) : ''
      raise Error.new(result, words.empty? ? Library.text(call(:strerror, result)) : words)
    end

    # What stands there, up to a NUL.
    def self.text(pointer)
      pointer.to_s.force_encoding(Encoding::UTF_8)
    end

    # Memory for C to write to, all zero; Ruby frees it.
    def self.room(size)
      pointer = Fiddle::Pointer.malloc(size, Fiddle::RUBY_FREE)
      pointer[0, size] = "\0" * size
      pointer
    end
  end

  # epptap.so, opened with a configuration: one for a process and state_dir.
  class Tap
    # With a block: the tap is closed at its end.
    def self.open(config, library: LIBRARY)
      tap = new(config, library: library)
      return tap unless block_given?

      begin
        yield tap
      ensure
        tap.close
      end
    end

    def initialize(config, library: LIBRARY)
      @library = Library.new(library)
      @handle = Library.room(Fiddle::SIZEOF_VOIDP)
      why = Library.room(WHY_SIZE)
      @library.check(:open, config.to_s, @handle, why, WHY_SIZE, why: why)
    end

    # The library's version.
    def version
      Library.text(@library.call(:version))
    end

    # Shows a finished command with its response, before that goes out.
    def transaction(registrar, command, response)
      @library.check(:transaction, @handle.ptr, registrar, command, command.bytesize, response, response.bytesize)
    end

    # Shows a command that is about to be carried out; the ticket for #end.
    def begin(registrar, command)
      ticket = Library.room(Fiddle::SIZEOF_LONG_LONG)
      @library.check(:begin, @handle.ptr, registrar, command, command.bytesize, ticket)
      ticket[0, Fiddle::SIZEOF_LONG_LONG].unpack1('Q')
    end

    # Shows what came of it; nothing: it was given up, and changed nothing.
    def end(ticket, response = '')
      @library.check(:end, @handle.ptr, ticket, response, response.bytesize)
    end

    # Shows a change that the registry itself made (RFC 8590).
    def server_change(frame)
      @library.check(:server_change, @handle.ptr, frame, frame.bytesize)
    end

    # A connection whose bytes are shown; without a registrar: its <login> tells.
    def stream(registrar = nil)
      Stream.new(@library, @handle.ptr, registrar)
    end

    # Waits until all that was accepted is on disk.
    def flush(timeout_ms = 2000)
      @library.check(:flush, @handle.ptr, timeout_ms)
    end

    # The counters.
    def stats
      size = Library.room(Fiddle::SIZEOF_SIZE_T)
      capacity = 16_384
      loop do
        room = Library.room(capacity)
        size[0, Fiddle::SIZEOF_SIZE_T] = [capacity].pack('J')
        @library.check(:stats, @handle.ptr, room, size)
        return JSON.parse(Library.text(room))
      rescue Error => e
        needed = size[0, Fiddle::SIZEOF_SIZE_T].unpack1('J')
        raise if e.result != EINVAL || needed <= capacity

        capacity = needed
      end
    end

    # Reads the configuration again; if that is wrong, all stays as it was.
    def reload
      why = Library.room(WHY_SIZE)
      @library.check(:reload, @handle.ptr, why, WHY_SIZE, why: why)
    end

    # Makes durable, and publishes, what it can in that time. To close again is nothing.
    def close(drain_ms = 2000)
      @library.call(:close, @handle, drain_ms)
    end
  end

  # One EPP connection as raw bytes, from its first one on; close it when the connection ends. Whatever a call raises, go on
  # showing the bytes.
  class Stream
    # For Tap#stream.
    def initialize(library, tap, registrar)
      @library = library
      @handle = Library.room(Fiddle::SIZEOF_VOIDP)
      library.check(:stream_new, tap, registrar, @handle)
    end

    # Bytes from the registrar, before they are passed on.
    def client(bytes)
      @library.check(:stream_client, @handle.ptr, bytes, bytes.bytesize)
    end

    # Bytes to the registrar.
    def server(bytes)
      @library.check(:stream_server, @handle.ptr, bytes, bytes.bytesize)
    end

    # The connection is closed. To close again is nothing.
    def close
      @library.call(:stream_free, @handle)
    end
  end
end
