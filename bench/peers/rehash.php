<?php
// phpredis moving its own keys: RedisArray::_rehash from two hosts to three.
// rehash.php load|rehash|misplaced KEYS VALUEBYTES HOST HOST HOST
[, $verb, $keys, $bytes] = $argv;
$hosts = array_slice($argv, 4);
$old = new RedisArray(array_slice($hosts, 0, 2), ['lazy_connect' => true]);

if ($verb === 'load') {
    // Prints how many of them will have to move.
    $new = new RedisArray($hosts, ['lazy_connect' => true]);
    $redis = array_map(function ($host) { $one = new Redis(); $one->connect(...explode(':', $host)); return $one; }, array_combine($hosts, $hosts));
    $moving = 0;
    $pipes = array_map(fn ($one) => $one->multi(Redis::PIPELINE), $redis);
    for ($i = 0; $i < $keys; $i++) {
        $key = 'user:' . base_convert((string) crc32((string) $i), 10, 36) . ":$i";
        $value = substr(base64_encode(random_bytes((int) $bytes)), 0, (int) $bytes);
        $from = $old->_target($key);
        $pipes[$from]->set($key, $value, $i % 10 === 3 ? ['ex' => 86400] : []);
        if ($new->_target($key) !== $from) $moving++;
    }
    foreach ($pipes as $pipe) $pipe->exec();
    echo $moving;
} elseif ($verb === 'rehash') {
    $new = new RedisArray($hosts, ['previous' => array_slice($hosts, 0, 2)]);
    $new->_rehash();
} else {
    // Prints how many keys are where phpredis would not look for them.
    $new = new RedisArray($hosts, ['lazy_connect' => true]);
    $misplaced = 0;
    foreach ($hosts as $host) {
        $redis = new Redis();
        $redis->connect(...explode(':', $host));
        // Its own list of keys, which it leaves on the hosts that it has emptied a part of.
        $redis->del('__phpredis_array_index__');
        foreach ($redis->keys('*') as $key) if ($new->_target($key) !== $host) $misplaced++;
    }
    echo $misplaced;
}
