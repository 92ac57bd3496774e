# frozen_string_literal: true

# What the Ruby binding does; test_ffi.py says what it prints, as all walks do.
#
#   walk.rb EPPTAP.SO GUEST.SO FOLDER           each call once
#   walk.rb EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
require 'epptap'
require 'fileutils'

$stdout.sync = true
LIBRARY, guest_library, FOLDER = ARGV
GUEST = Fiddle::Function.new(Fiddle.dlopen(guest_library)['guest_changes'], [], Fiddle::TYPE_VOIDP)

def guest_changes
  GUEST.call.to_s
end

def frame(name)
  File.binread("#{FOLDER}/#{name}")
end

def tap_of(name)
  Epptap::Tap.new("#{FOLDER}/#{name}", library: LIBRARY)
end

def refused(word)
  yield
  puts "#{word} not refused"
rescue Epptap::Error => e
  puts "#{word} #{e.result} #{e.message}"
end

if ARGV[3]
  $left = tap_of('epptap.yaml')
  exit
end

guest_changes
refused('open') { tap_of('bad.yaml') }
tap = tap_of('epptap.yaml')
puts "version #{tap.version}"
refused('again') { tap_of('epptap.yaml') }

tap.transaction('ClientX', frame('1.command'), frame('1.response'))
tap.transaction(nil, frame('2.command'), frame('2.response'))
ticket = tap.begin('ClientY', frame('3.command'))
tap.end(ticket, frame('3.response'))
refused('ended') { tap.end(ticket, frame('3.response')) }
ticket = tap.begin('ClientY', frame('4.command'))
tap.flush
tap.end(ticket)
tap.server_change(frame('server'))
refused('empty') { tap.transaction('ClientX', '', '') }
stream = tap.stream
stream.server(frame('server-greeting'))
frame('client').scan(/.{1,100}/mn) { |chunk| stream.client(chunk) }
stream.server(frame('server-responses'))
stream.close
refused('stream') { stream.client('x') }

tap.flush
stats = tap.stats
puts "changes #{stats['changes']} given up #{stats['intents']['given_up']} streams #{stats['streams']['open']}"
tap.reload
FileUtils.cp("#{FOLDER}/bad.yaml", "#{FOLDER}/epptap.yaml")
refused('reload') { tap.reload }
FileUtils.cp("#{FOLDER}/good.yaml", "#{FOLDER}/epptap.yaml")
puts "guest #{guest_changes}"

child = fork do
  refused('forked') { tap.flush }
end
Process.wait(child)
puts "child #{Process.last_status.to_i}"

tap.close
refused('closed') { tap.transaction('ClientX', frame('1.command'), frame('1.response')) }
puts "guest #{guest_changes}"
