# frozen_string_literal: true

# A front end of a few lines, under load: any thread serves any request, as a web application behind an EPP proxy does.
# There is no session: who asks comes with each request.
#
#   front_end.rb EPPTAP.SO CONFIG REGISTRARS COMMANDS
#
# Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID
# S-<n>-<k>.
require_relative 'epptap'

EPP = 'urn:ietf:params:xml:ns:epp-1.0'
DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0'
THREADS = 5

Request = Struct.new(:registrar, :command, :svtrid, :answer)

# What a registrar sends.
def update(name)
  %(<epp xmlns="#{EPP}"><command><update><d:update xmlns:d="#{DOMAIN}"><d:name>#{name}</d:name><d:add><d:ns>) +
    '<d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update></command></epp>'
end

# The registry: every update is a success.
def carry_out(_command, svtrid)
  %(<epp xmlns="#{EPP}"><response><result code="1000"><msg>Done</msg></result><trID><svTRID>#{svtrid}</svTRID>) +
    '</trID></response></epp>'
end

# One request, from its arrival to its response. What goes wrong with the tap is warned of, and is no matter of the
# registrar's.
def serve(tap, request)
  response = carry_out(request.command, request.svtrid)
  begin
    tap.transaction(request.registrar, request.command, response)
  rescue Epptap::Error => e
    warn "epptap: #{e.message}"
  end
  request.answer << response
end

# A registrar, who sends nothing new before he has his answer.
def ask(requests, number, commands)
  answer = Queue.new
  commands.times do |count|
    requests << Request.new("Client#{number}", update("c#{number}-#{count}.example"), "S-#{number}-#{count}", answer)
    answer.pop
  end
end

library, config, registrars, commands = ARGV
begin
  Epptap::Tap.open(config, library: library) do |tap|
    requests = Queue.new
    workers = Array.new(THREADS) do
      Thread.new do
        while (request = requests.pop)
          serve(tap, request)
        end
      end
    end
    Array.new(registrars.to_i) { |number| Thread.new { ask(requests, number, commands.to_i) } }.each(&:join)
    requests.close
    workers.each(&:join)
  end
rescue Epptap::Error => e
  abort "front_end.rb: #{e.message}"
end
