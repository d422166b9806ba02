# Writes every key of standard input (base64 lines) through a real Redis::Distributed. Argument: {"nodes": [...], "tag": "..."}
require 'json'
require 'redis'
require 'redis/distributed'

told = JSON.parse(ARGV[0])
options = told['tag'] ? {tag: Regexp.new(told['tag'])} : {}
nodes = told['nodes'].map { |node| node.is_a?(Hash) ? node.transform_keys(&:to_sym) : node }
redis = Redis::Distributed.new(nodes, options)
$stdin.each_line { |line| redis.set(line.unpack1('m'), '1') }
