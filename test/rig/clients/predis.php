<?php
// Writes every key of standard input (base64 lines) through a real Predis client. Argument: {"nodes": [...], "distributor": "..."}
require 'Predis/autoload.php';
$told = json_decode($argv[1], true);
$ring = $told['distributor'] === 'ketama'
    ? new Predis\Cluster\Distributor\KetamaRing()
    : new Predis\Cluster\Distributor\HashRing();
$cluster = fn () => new Predis\Connection\Aggregate\PredisCluster(new Predis\Cluster\PredisStrategy($ring));
$redis = new Predis\Client($told['nodes'], ['cluster' => $cluster]);
while (($line = fgets(STDIN)) !== false) $redis->set(base64_decode(trim($line)), '1');
