# What redis-rb itself answers for every line of standard input: Redis::Distributed#node_for, no connection is made.
require 'redis'
require 'redis/distributed'

ring = Redis::Distributed.new((1..4).map { |i| "redis://10.0.0.#{i}:6379" })
$stdin.binmode.each_line(chomp: true) { |key| $stdout.write(key, "\t", ring.node_for(key).id, "\n") }
