// The SDK for JavaScript: node javascript_client.cjs BUCKET FOLDER; prints what it has seen.
const fs = require("fs");
const path = require("path");
const { S3Client, ...s3 } = require("@aws-sdk/client-s3");
const { SQSClient, ...sqs } = require("@aws-sdk/client-sqs");
const { DynamoDBClient, ...dynamodb } = require("@aws-sdk/client-dynamodb");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [Bucket, folder] = process.argv.slice(2);

async function objects() {
  const client = new S3Client({ forcePathStyle: true });
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  const keys = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
  for (const Key of keys) {
    const Body = fs.createReadStream(path.join(folder, Key));
    await new Upload({ client, params: { Bucket, Key, Body, Metadata: { owner: "me" } }, partSize: 5 * 1024 ** 2 }).done();
    const got = await client.send(new s3.GetObjectCommand({ Bucket, Key }));
    const same = Buffer.from(await got.Body.transformToByteArray()).equals(fs.readFileSync(path.join(folder, Key)));
    if (!same) throw new Error(`${Key} came back as something else`);
  }
  const source = (key) => encodeURIComponent(`${Bucket}/${key}`);
  await client.send(new s3.CopyObjectCommand({ Bucket, Key: "a//b", CopySource: source("Grüße 日本.txt") }));
  const Key = "copy + %/Grüße";
  const upload = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
  const copied = await client.send(new s3.UploadPartCopyCommand(
    { Bucket, Key, UploadId: upload.UploadId, PartNumber: 1, CopySource: source("large.bin") }));
  await client.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId: upload.UploadId,
    MultipartUpload: { Parts: [{ PartNumber: 1, ETag: copied.CopyPartResult.ETag }] } }));
  const part = await client.send(new s3.GetObjectCommand({ Bucket, Key, Range: "bytes=5-11" }));
  const head = await client.send(new s3.HeadObjectCommand({ Bucket, Key: "100%.txt" }));
  const listed = await client.send(new s3.ListObjectsV2Command({ Bucket, Delimiter: "/" }));
  fs.writeFileSync("url", await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key }), { expiresIn: 300 }));
  const Objects = [...keys, "a//b"].map((name) => ({ Key: name }));
  const deleted = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  return {
    part: Buffer.from(await part.Body.transformToByteArray()).toString("hex"),
    owner: head.Metadata.owner,
    folders: listed.CommonPrefixes.map((item) => item.Prefix),
    deleted: deleted.Deleted.length,
  };
}

async function queues() {
  const client = new SQSClient({});
  const { QueueUrl } = await client.send(new sqs.CreateQueueCommand({ QueueName: "javascript" }));
  await client.send(new sqs.SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: "one", MessageBody: "Grüße" }] }));
  const { Messages } = await client.send(new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
  await client.send(new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  await client.send(new sqs.DeleteQueueCommand({ QueueUrl }));
  return { body: Messages[0].Body };
}

async function tables() {
  const client = new DynamoDBClient({});
  const TableName = "javascript";
  await client.send(new dynamodb.CreateTableCommand({ TableName, BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }] }));
  await dynamodb.waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 10 }, { TableName });
  const Key = { id: { S: "é" } };
  await client.send(new dynamodb.PutItemCommand({ TableName, Item: { ...Key, n: { N: "1" } } }));
  const { Attributes } = await client.send(new dynamodb.UpdateItemCommand({ TableName, Key, ReturnValues: "ALL_NEW",
    UpdateExpression: "SET n = n + :one", ExpressionAttributeValues: { ":one": { N: "1" } } }));
  const again = new dynamodb.PutItemCommand({ TableName, Item: Key, ConditionExpression: "attribute_not_exists(id)" });
  const refused = await client.send(again).then(() => "nothing", (error) => error.name);
  await client.send(new dynamodb.DeleteTableCommand({ TableName }));
  return { item: Attributes, refused };
}

(async () => {
  console.log(JSON.stringify({ ...(await objects()), ...(await queues()), ...(await tables()) }));
})();
