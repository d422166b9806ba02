<?php
// What phpredis itself answers for every line of standard input: RedisArray::_target, no connection is made.
$ring = new RedisArray(['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379', '10.0.0.4:6379'], ['lazy_connect' => true]);
$in = fopen('php://stdin', 'r');
$out = fopen('php://stdout', 'w');
$lines = '';
while (($key = fgets($in)) !== false) {
    $key = substr($key, 0, -1);
    $lines .= $key . "\t" . $ring->_target($key) . "\n";
    if (strlen($lines) > 65536) {
        fwrite($out, $lines);
        $lines = '';
    }
}
fwrite($out, $lines);
