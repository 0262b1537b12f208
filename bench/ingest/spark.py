# spark-submit spark.py BROKER TOPIC-PREFIX OUT: the four topics through Spark Structured Streaming's Kafka source, each
# value parsed by a schema, into Parquet files, once and to the end.
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json
from pyspark.sql.types import (
    BooleanType, DoubleType, IntegerType, LongType, StringType, StructField, StructType,
)

broker, prefix, out = sys.argv[1:]
topics = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
texts = ["level", "auth", "firstName", "lastName", "gender", "city", "state", "zip", "userAgent", "artist", "song",
         "page", "method", "tag"]
schema = StructType(
    [StructField(name, LongType()) for name in ["ts", "sessionId", "userId", "registration"]]
    + [StructField(name, IntegerType()) for name in ["itemInSession", "status"]]
    + [StructField(name, DoubleType()) for name in ["lat", "lon", "duration"]]
    + [StructField("success", BooleanType())]
    + [StructField(name, StringType()) for name in texts]
)

spark = SparkSession.builder.master("local[2]").appName("ingest").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
records = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", broker)
    .option("subscribe", ",".join(prefix + topic for topic in topics))
    .option("startingOffsets", "earliest")
    .load()
)
rows = records.select(
    "topic", col("partition").alias("_partition"), col("offset").alias("_offset"),
    from_json(col("value").cast("string"), schema).alias("event"),
).select("topic", "event.*", "_partition", "_offset")
query = (
    rows.writeStream.format("parquet")
    .option("path", out + "/lake")
    .option("checkpointLocation", out + "/checkpoint")
    .partitionBy("topic")
    .trigger(availableNow=True)
    .start()
)
query.awaitTermination()
spark.stop()
