<?php
// Writes every key of standard input (base64 lines) through a real RedisArray. Argument: {"hosts": [...], "options": {...}}
$told = json_decode($argv[1], true);
$redis = new RedisArray($told['hosts'], $told['options']);
while (($line = fgets(STDIN)) !== false) {
    if ($redis->set(base64_decode(trim($line)), '1') !== true) exit("set failed\n");
}
